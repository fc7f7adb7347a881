// A reference to what may be changed must have something to refer to.
#include <crocus/generator.hpp>

#ifdef MISUSE
using yielding = crocus::generator<int&>;
#else
using yielding = crocus::generator<const int&>;
#endif

yielding g = [](auto& yield) { yield(1); };
