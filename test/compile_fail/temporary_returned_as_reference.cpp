// The body's local is gone when its result is looked at.
#include <crocus/generator.hpp>
#include <string>

const std::string name = "crocus";

crocus::generator<int, void, const std::string&> g =
#ifdef MISUSE
    [](auto& yield) {  // the return type is deduced without the reference
#else
    [](auto& yield) -> const std::string& {
#endif
        yield(1);
        return name;
    };
