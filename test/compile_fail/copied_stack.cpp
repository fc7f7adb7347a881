// A stack has one owner.
#include <crocus/stack.hpp>

#include <utility>

crocus::stack second(crocus::stack& first) {
#ifdef MISUSE
    return first;
#else
    return std::move(first);
#endif
}
