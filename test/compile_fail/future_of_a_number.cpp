// ensure_future takes a handle, a function, or what can be awaited. (F14)
#include <crocus/task.hpp>

int use(int n) {
#ifdef MISUSE
    return crocus::ensure_future(n).get();
#else
    return crocus::ensure_future([n] { return n; }).get();
#endif
}
