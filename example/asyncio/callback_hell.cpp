// Three steps, each of which needs what the one before came to: with callbacks, where each step stands inside the one
// before and errors are passed by hand, and in a straight line, where they are exceptions.
#include <exception>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

namespace with_callbacks {

using done = std::function<void(std::exception_ptr, std::string)>;

void step(const std::string& what, bool fails, const done& then) {
    crocus::event_loop::current().call_later(5ms, [=] {
        if (fails)
            then(std::make_exception_ptr(std::runtime_error(what + " failed")), {});
        else
            then(nullptr, what);
    });
}

void all(bool second_fails, const done& then) {
    step("one", false, [=](std::exception_ptr error, const std::string& first) {
        if (error) return then(error, {});
        step(first + " two", second_fails, [=](std::exception_ptr error2, const std::string& second) {
            if (error2) return then(error2, {});
            step(second + " three", false, [=](std::exception_ptr error3, const std::string& third) {
                if (error3) return then(error3, {});
                then(nullptr, third);
            });
        });
    });
}

}  // namespace with_callbacks

namespace straight {

std::string step(const std::string& what, bool fails) {
    crocus::sleep(5ms);
    if (fails) throw std::runtime_error(what + " failed");
    return what;
}

std::string all(bool second_fails) {
    const auto first = step("one", false);
    const auto second = step(first + " two", second_fails);
    return step(second + " three", false);
}

}  // namespace straight

void report(const std::exception_ptr& error, const std::string& result) {
    std::cout << (error ? crocus::describe(error) : result) << '\n';
}

}  // namespace

int main() {
    crocus::event_loop loop;
    for (const bool fails : {false, true}) {
        loop.call_soon([&loop, fails] {
            with_callbacks::all(fails, [&loop](const std::exception_ptr& error, const std::string& result) {
                report(error, result);
                loop.stop();
            });
        });
        loop.run_forever();
    }
    loop.close();

    crocus::run([] {
        for (const bool fails : {false, true}) {
            try {
                report(nullptr, straight::all(fails));
            } catch (const std::exception&) {
                report(std::current_exception(), {});
            }
        }
    });
}
