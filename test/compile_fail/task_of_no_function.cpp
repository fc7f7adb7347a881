// A task is made of something to call, or of a coroutine. (T1)
#include <crocus/task.hpp>

crocus::task<int> use(int n) {
#ifdef MISUSE
    return crocus::create_task(n);
#else
    return crocus::create_task([n] { return n; });
#endif
}
