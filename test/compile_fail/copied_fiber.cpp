// A fiber is where it is: others point to it.
#include <crocus/fiber.hpp>

#include <utility>

crocus::stack take(crocus::fiber& running, crocus::stack& owned) {
#ifdef MISUSE
    crocus::fiber copy = running;
    return owned;
#else
    running.enter();
    return std::move(owned);
#endif
}
