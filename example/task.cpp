// Green threads: the same delivery one after the other, as tasks, and with gather; and a delivery that is called off.
#include <chrono>
#include <iostream>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

std::string delivery(const std::string& name, std::chrono::milliseconds meal) {
    std::cout << name << " delivered\n";
    crocus::sleep(meal);
    std::cout << name << "'s bowl collected\n";
    return name;
}

template <class F>
void timed(const char* how, F f) {
    const auto start = crocus::clock::now();
    f();
    const auto took = std::chrono::round<std::chrono::milliseconds>(crocus::clock::now() - start);
    std::cout << "-- " << how << ": " << took.count() << " ms\n";
}

}  // namespace

int main() {
    crocus::run([] {
        timed("one after the other", [] {
            delivery("A", 20ms);
            delivery("B", 30ms);
        });
        timed("tasks", [] {
            auto a = crocus::create_task([] { return delivery("A", 20ms); });
            auto b = crocus::create_task([] { return delivery("B", 30ms); });
            a.get();
            b.get();
        });
        timed("gather", [] {
            auto [a, b, c] = crocus::gather([] { return delivery("A", 20ms); }, [] { return delivery("B", 30ms); },
                                            [] { return delivery("C", 40ms); });
            std::cout << "all three: " << a << b << c << '\n';
        });

        auto late = crocus::create_task([] { return delivery("D", 1h); });
        crocus::yield_now();
        late.cancel("the customer has left");
        try {
            late.get();
        } catch (const crocus::cancelled_error& e) {
            std::cout << "D called off: " << e.message() << '\n';
        }
    });
}
