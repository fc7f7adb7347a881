// A range has no result; only a generator of the same types has.
#include <crocus/generator.hpp>
#include <vector>

crocus::generator<int, void, int> g = [](auto& yield) {
#ifdef MISUSE
    return yield.from(std::vector{1, 2});
#else
    yield.from(std::vector{1, 2});
    return 2;
#endif
};
