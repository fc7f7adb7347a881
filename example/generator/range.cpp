// The smallest one: nothing of the body runs before the first value is asked for, and then only as far as the next one.
#include <iostream>

#include <crocus.hpp>

namespace {

crocus::generator<int> range(int start, int stop, int step = 1) {
    return [=](auto& yield) {
        std::cout << "(begins) ";
        for (int i = start; i < stop; i += step) yield(i);
        std::cout << "(ends) ";
    };
}

}  // namespace

int main() {
    for (const int i : range(0, 10, 3)) std::cout << i << ' ';
    std::cout << '\n';

    crocus::generator<int> by_hand = range(1, 3);
    std::cout << "not begun: ";
    std::cout << by_hand.next().value() << ' ';
    std::cout << by_hand.next().value() << ' ';
    try {
        static_cast<void>(by_hand.next().value());
    } catch (const crocus::stop_iteration_error&) {
        std::cout << "stop_iteration\n";
    }
}
