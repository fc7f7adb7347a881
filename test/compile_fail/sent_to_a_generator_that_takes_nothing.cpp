#include <crocus.hpp>

int main() {
#ifdef MISUSE
    crocus::generator<int> numbers = [](auto& yield) { yield(1); };
#else
    crocus::generator<int, double> numbers = [](auto& yield) { yield(1); };
#endif
    numbers.next();
    numbers.send(2.5);
}
