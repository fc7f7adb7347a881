// What is awaited is a future, a task, or has a member await(). (C4)
#include <crocus/coroutine.hpp>

int use(crocus::coroutine<int>& c) {
#ifdef MISUSE
    return crocus::await([&c] { return c.await(); });
#else
    return crocus::await(c);
#endif
}
