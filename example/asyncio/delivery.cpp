// Three deliveries: by a plain function, awaited in turn, as tasks, and with gather. The function is the same each
// time.
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

std::chrono::milliseconds delivery_blocking(const std::string& name, std::chrono::milliseconds meal) {
    std::cout << name << " delivered\n";
    std::this_thread::sleep_for(meal);  // nobody else does anything meanwhile
    std::cout << name << "'s bowl collected\n";
    return meal;
}

std::chrono::milliseconds delivery(const std::string& name, std::chrono::milliseconds meal) {
    std::cout << name << " delivered\n";
    crocus::sleep(meal);  // others do
    std::cout << name << "'s bowl collected\n";
    return meal;
}

/// How long f took, in units of the shortest meal.
template <class F>
void timed(const char* how, F f) {
    std::cout << "-- " << how << '\n';
    const auto start = crocus::clock::now();
    f();
    const bool at_once = crocus::clock::now() - start < 6 * 100ms;  // the sum of all meals
    std::cout << "-- " << (at_once ? "as long as the longest meal" : "as long as all meals together") << "\n\n";
}

}  // namespace

int main() {
    timed("a plain function", [] {
        delivery_blocking("A", 100ms);
        delivery_blocking("B", 200ms);
        delivery_blocking("C", 300ms);
    });
    crocus::run([] {
        timed("green, one after the other", [] {
            delivery("A", 100ms);
            delivery("B", 200ms);
            delivery("C", 300ms);
        });
        timed("tasks", [] {
            auto a = crocus::create_task([] { return delivery("A", 100ms); });
            auto b = crocus::create_task([] { return delivery("B", 200ms); });
            auto c = crocus::create_task([] { return delivery("C", 300ms); });
            std::cout << "made\n";
            a.get();
            b.get();
            c.get();
        });
        timed("gather", [] {
            const auto [a, b, c] =
                crocus::gather([] { return delivery("A", 100ms); }, [] { return delivery("B", 200ms); },
                               [] { return delivery("C", 300ms); });
            std::cout << (a + b + c).count() << " ms of meals\n";
        });
    });
}
