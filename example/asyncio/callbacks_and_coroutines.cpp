// Callbacks and green threads on one loop, which is run and stopped by hand, as in asyncio's first examples.
#include <iostream>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

void say_later(crocus::event_loop& loop, const std::string& what) {
    loop.call_soon([what] { std::cout << "callback: " << what << '\n'; });
}

std::string slow_greeting(const std::string& name) {
    std::cout << "green thread: greeting " << name << '\n';
    crocus::sleep(20ms);
    return "hello, " + name;
}

}  // namespace

int main() {
    crocus::event_loop loop;

    say_later(loop, "soon");
    loop.call_later(10ms, [] { std::cout << "callback: after 10 ms\n"; });

    auto task = crocus::create_task([] { return slow_greeting("spring"); }, {.loop = &loop});
    task.add_done_callback([&loop](auto done) {
        std::cout << "callback: the task says: " << done.result() << '\n';
        loop.stop();
    });

    loop.run_forever();
    std::cout << "the loop was stopped\n";

    // It goes on where it was, and a future that a callback sets is awaited as a task is.
    crocus::future<int> answer(loop);
    loop.call_later(10ms, [answer]() mutable { answer.set_result(42); });
    std::cout << "the answer is " << loop.run_until_complete(answer) << '\n';
    std::cout << loop.run_until_complete([] { return slow_greeting("crocus"); }) << '\n';
    loop.close();
}
