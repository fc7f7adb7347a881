// A coroutine driven by hand: to the value of its stop_iteration, and cancelled by throw_. No loop is there.
#include <iostream>
#include <string>

#include <crocus.hpp>

namespace {

crocus::coroutine<std::string> compute(const std::string& what) {
    return [what]() -> std::string {
        std::cout << "  computing\n";
        crocus::yield_now();  // await asyncio.sleep(0)
        std::cout << "  still computing\n";
        crocus::yield_now();
        return what + " computed";
    };
}

crocus::coroutine<std::string> careful() {
    return []() -> std::string {
        try {
            crocus::yield_now();
            return "not cancelled";
        } catch (const crocus::cancelled_error& e) {
            std::cout << "  cleaning up: " << e.message() << '\n';
            throw;
        }
    };
}

}  // namespace

int main() {
    std::cout << "to its end:\n";
    auto c = compute("it");
    try {
        for (;;) {
            c.send().value();  // throws at the end, as Python's send does
            std::cout << "  it gave way\n";
        }
    } catch (const crocus::stop_iteration<std::string>& end) {
        std::cout << "  stop_iteration: " << end.value() << '\n';
    }

    std::cout << "cancelled:\n";
    auto d = careful();
    d.send();
    try {
        d.throw_(crocus::cancelled_error("enough"));
    } catch (const crocus::cancelled_error&) {
        std::cout << "  it let the cancellation through\n";
    }

    std::cout << "once more:\n";
    try {
        c.send();
    } catch (const crocus::coroutine_already_awaited& e) {
        std::cout << "  " << e.what() << '\n';
    }
}
