// A file that opens both std and crocus, beside the system headers with the same words in them, still means ours where
// the arguments are ours.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <crocus.hpp>

using namespace std;
using namespace crocus;
using namespace std::chrono_literals;

generator<int> count_up() {
    return [](auto& yield) { yield(1); };
}

context_manager<int> one() {
    return [](auto& yield) { yield(1); };
}

void use() {
    run([] {
        sleep(1ms);
        task<int> t = create_task([] { return 1; });
        auto [a, b] = gather([] { return 1; }, [] { return string("two"); });
        cout << t.get() << a << b;
        const auto [done, pending] = wait(vector{t}, {.timeout = 1ms});
        for (auto& each : as_completed(vector{t})) cout << shield(each);
        int status = 0;
        if (wait(&status) == -1 && wait(nullptr) == -1) cout << "the system's";
        for (int i : count_up()) cout << i;
        with(one(), [](int i) { cout << i; });
        with_exit_stack([](exit_stack& scope) { scope.enter_context(one()); });
        defer_cancellation([] { yield_now(); });
        to_thread([] {});
        stream s = open_connection("127.0.0.1", 80);
        s.write("x");
        event_loop::current().call_soon([] {});
    });
}
