// A coroutine has one owner.
#include <crocus/coroutine.hpp>
#include <utility>

crocus::coroutine<int> use(crocus::coroutine<int>& c) {
#ifdef MISUSE
    return c;
#else
    return std::move(c);
#endif
}
