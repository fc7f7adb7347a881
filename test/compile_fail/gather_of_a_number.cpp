// What gather is given can be called or awaited. (T24)
#include <tuple>

#include <crocus/wait.hpp>

int use(int n) {
#ifdef MISUSE
    return std::get<0>(crocus::gather(n));
#else
    return std::get<0>(crocus::gather([n] { return n; }));
#endif
}
