// Several deliveries at once: all of them, whatever comes of each, as they arrive, the first of them, and one that is
// not called off with who waits for it.
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

std::string delivery(const std::string& dish, std::chrono::milliseconds way) {
    crocus::sleep(way);
    if (dish == "soup") throw std::runtime_error("the soup was spilt");
    return dish;
}

void all_of_them() {
    auto [starter, dessert] = crocus::gather([] { return delivery("salad", 10ms); },  //
                                             [] { return delivery("cake", 20ms); });
    std::cout << "gather: " << starter << " and " << dessert << '\n';
}

void whatever_comes_of_each() {
    auto [soup, cake] = crocus::gather(
        crocus::return_exceptions, [] { return delivery("soup", 10ms); }, [] { return delivery("cake", 20ms); });
    std::cout << "return_exceptions: " << crocus::describe(soup.exception()) << "; " << cake.value() << '\n';
}

/// The functions refer to `arrived`: when the loop is left, none of them runs any more.
void as_they_arrive() {
    std::vector<std::string> arrived;
    const auto order = [&](const char* dish, std::chrono::milliseconds way) {
        return [&arrived, dish, way] { arrived.push_back(delivery(dish, way)); };
    };
    for (auto& done : crocus::as_completed(std::vector{order("cake", 20ms), order("salad", 10ms), order("tea", 1h)})) {
        done.get();
        std::cout << "as_completed: " << arrived.back() << '\n';
        if (arrived.size() == 2) break;  // nobody waits an hour for tea
    }
}

void the_first_of_them() {
    std::vector<crocus::task<std::string>> tasks;
    tasks.push_back(crocus::create_task([] { return delivery("slow bread", 1h); }));
    tasks.push_back(crocus::create_task([] { return delivery("quick bread", 10ms); }));
    auto [done, pending] = crocus::wait(tasks, {.timeout = 1min, .return_when = crocus::first_completed});
    std::cout << "wait: " << done[0].get() << ", " << pending.size() << " on the way\n";
    for (auto& t : pending) t.cancel("there is bread");
    crocus::wait(pending);
}

void not_called_off() {
    auto payment = crocus::create_task([] { return delivery("payment", 20ms); });
    auto customer = crocus::create_task([&] { return crocus::shield(payment); });
    crocus::yield_now();
    customer.cancel("left early");
    try {
        customer.get();
    } catch (const crocus::cancelled_error& e) {
        std::cout << "shield: the customer " << e.message() << "; the " << payment.get() << " arrived\n";
    }
}

}  // namespace

int main() {
    crocus::run([] {
        all_of_them();
        whatever_comes_of_each();
        as_they_arrive();
        the_first_of_them();
        not_called_off();
    });
}
