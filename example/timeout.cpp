// Time limits: an answer or an excuse, a limit that is moved while work goes on, and a goodbye that does not take for
// ever.
#include <chrono>
#include <iostream>
#include <optional>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

std::string answer(std::chrono::milliseconds after) {
    crocus::sleep(after);
    return "42";
}

/// Works as long as each step is done in time.
int steps_done(int steps) {
    return crocus::with_timeout(50ms, [&](crocus::timeout_scope& limit) {
        for (int i = 0; i != steps; ++i) {
            crocus::sleep(20ms);
            limit.reschedule(crocus::event_loop::current().now() + 50ms);
        }
        return steps;
    });
}

struct connection {
    ~connection() {
        // While the cancellation unwinds this, others are held; a limit of its own holds all the same.
        const bool said = crocus::move_on_after(10ms, [] { crocus::sleep(1h); });
        std::cout << (said ? "said goodbye\n" : "the peer does not listen\n");
    }
};

}  // namespace

int main() {
    crocus::run([] {
        std::cout << "in time: " << crocus::with_timeout(1s, [] { return answer(1ms); }) << '\n';
        try {
            crocus::with_timeout(10ms, [] { return answer(1h); });
        } catch (const crocus::timeout_error&) {
            std::cout << "too late\n";
        }

        const std::optional<std::string> perhaps = crocus::move_on_after(10ms, [] { return answer(1h); });
        std::cout << "without an exception: " << perhaps.value_or("no answer") << '\n';

        auto asked = crocus::create_task([] { return answer(1ms); });
        std::cout << "of a task: " << crocus::wait_for(asked, 1s) << '\n';
        std::cout << "steps: " << steps_done(5) << '\n';

        try {
            crocus::with_timeout(10ms, [] {
                const connection c;
                crocus::sleep(1h);
            });
        } catch (const crocus::timeout_error& e) {
            std::cout << "and the whole thing timed out\n";
        }
    });
}
