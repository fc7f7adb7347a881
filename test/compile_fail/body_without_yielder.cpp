// A body is called with the yielder.
#include <crocus/generator.hpp>

#ifdef MISUSE
crocus::generator<int> g = [] {};
#else
crocus::generator<int> g = [](auto&) {};
#endif
