// A C function that is told something by its callback is told when to stop, too.
#include <cstdlib>

#include <crocus/callback.hpp>

void sort(int (&numbers)[3]) {
    const auto call = [&](auto* compare) { std::qsort(numbers, 3, sizeof(int), compare); };
    const auto order = [](const void*, const void*) { return 0; };
#ifdef MISUSE
    crocus::through_c<int(const void*, const void*)>(call, order);
#else
    crocus::through_c<int(const void*, const void*)>(call, order, 0);
#endif
}
