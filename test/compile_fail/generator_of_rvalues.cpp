// What a generator yields is a value, or refers to one that stays in the body.
#include <string>

#include <crocus.hpp>

#ifdef MISUSE
using yielded = std::string&&;
#else
using yielded = std::string&;
#endif

int main() {
    crocus::generator<yielded> lines = [](auto& yield) {
        std::string line = "a line";
        yield(static_cast<yielded>(line));
    };
    lines.next();
}
