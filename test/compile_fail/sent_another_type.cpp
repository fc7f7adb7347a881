// What is sent must convert to the Send type.
#include <crocus/generator.hpp>
#include <string>

void use(crocus::generator<int, std::string>& g) {
#ifdef MISUSE
    g.send(1);
#else
    g.send("one");
#endif
}
