// with() wants something that enters and exits.
#include <crocus/context_manager.hpp>

#ifdef MISUSE
using manager = crocus::generator<int>;
#else
using manager = crocus::context_manager<int>;
#endif

int use() {
    manager m = [](auto& yield) { yield(1); };
    return crocus::with(m, [](int value) { return value; });
}
