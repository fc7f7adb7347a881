// Coroutines driven by hand, without a loop: one to its StopIteration value, one cancelled by throw, and two that take
// turns. And the loop as what it is, one driver among others.
#include <deque>
#include <iostream>
#include <string>
#include <utility>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

crocus::coroutine<int> answer() {
    return [] {
        std::cout << "thinking\n";
        crocus::yield_now();
        std::cout << "still thinking\n";
        crocus::yield_now();
        return 42;
    };
}

void to_its_value() {
    crocus::coroutine<int> c = answer();
    try {
        for (;;) {
            c.send().value();
            std::cout << "-- it waits\n";
        }
    } catch (const crocus::stop_iteration<int>& e) {
        std::cout << "-- it returned " << e.value() << '\n';
    }
}

void cancelled() {
    crocus::coroutine<std::string> c = []() -> std::string {
        try {
            crocus::yield_now();
        } catch (const crocus::cancelled_error& e) {
            return "cleaned up after: " + e.message();
        }
        return "not cancelled";
    };
    c.send();
    std::cout << c.throw_(crocus::cancelled_error("the customer has left")).result() << '\n';
}

/// All that a loop is, but for the kernel.
void take_turns(std::deque<crocus::coroutine<>> ready) {
    while (!ready.empty()) {
        crocus::coroutine<> c = std::move(ready.front());
        ready.pop_front();
        if (c.send().yielded()) ready.push_back(std::move(c));
    }
}

crocus::coroutine<> counting(std::string name, int to) {
    return [name = std::move(name), to] {
        for (int i = 1; i <= to; ++i) {
            std::cout << name << i << '\n';
            crocus::yield_now();
        }
    };
}

/// What it waits for comes to its driver, who may wait for that in any way.
void with_a_loop() {
    crocus::coroutine<int> c = [] {
        crocus::sleep(10ms);
        return 1;
    };
    auto s = c.send();
    for (; s.yielded(); s = c.send()) crocus::await(*s);

    crocus::coroutine<int> awaited = [] { return 2; };
    auto task = crocus::create_task(answer());
    std::cout << s.result() + crocus::await(awaited) + task.get() << '\n';
}

}  // namespace

int main() {
    to_its_value();
    cancelled();
    std::deque<crocus::coroutine<>> two;
    two.push_back(counting("a", 3));
    two.push_back(counting("b", 2));
    take_turns(std::move(two));
    crocus::run(with_a_loop);
}
