// A yielder is passed on by reference: it stands for the one body that it was given to.
#include <crocus/generator.hpp>

void yield_twice(crocus::generator<int>::yielder& yield) {
#ifdef MISUSE
    auto mine = yield;
#else
    auto& mine = yield;
#endif
    mine(1);
    mine(2);
}
