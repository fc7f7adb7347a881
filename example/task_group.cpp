// Groups of tasks: some work at the same time, a failure that ends the rest of it, the first answer of several, and
// much work with a limit.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

std::string fetch(const std::string& name, std::chrono::milliseconds after) {
    try {
        crocus::sleep(after);
    } catch (const crocus::cancelled_error&) {
        std::cout << name << " called off\n";
        throw;
    }
    if (name == "broken") throw std::runtime_error(name + " is not there");
    return name + " is here";
}

/// Whoever answers first; the others are called off.
std::optional<std::string> first_of_three() {
    std::optional<std::string> first;
    crocus::with_task_group([&](crocus::task_group& group) {
        for (const int ms : {30, 10, 20})
            group.create_task([&, ms] {
                first = fetch("the one of " + std::to_string(ms) + " ms", std::chrono::milliseconds(ms));
                group.cancel();
            });
    });
    return first;
}

}  // namespace

int main() {
    crocus::run([] {
        const std::string both = crocus::with_task_group([](crocus::task_group& group) {
            auto a = group.create_task([] { return fetch("a", 10ms); });
            auto b = group.create_task([] { return fetch("b", 20ms); });
            return a.get() + ", " + b.get();
        });
        std::cout << both << '\n';

        try {
            crocus::with_task_group([](crocus::task_group& group) {
                group.create_task([] { fetch("slow", 1h); });
                group.create_task([] { fetch("broken", 10ms); });
            });
        } catch (const crocus::exception_group& failures) {
            const auto [expected, others] = failures.split<std::runtime_error>();
            for (const auto& error : expected.exceptions()) std::cout << crocus::describe(error) << '\n';
            if (!others.empty()) throw others;
        }

        std::cout << first_of_three().value_or("nobody") << '\n';

        int running = 0, most = 0;
        crocus::with_task_group(
            [&](crocus::task_group& group) {
                for (int i = 0; i != 1000; ++i)
                    group.create_task([&] {
                        most = std::max(most, ++running);
                        crocus::yield_now();
                        --running;
                    });
            },
            {.limit = 10});
        std::cout << "a thousand, " << most << " at a time\n";
    });
}
