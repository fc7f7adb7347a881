// asyncio's Future beside concurrent.futures': one belongs to its loop, and its result() never waits; the other crosses
// threads, and a thread may block on it. Both are awaited by a green thread in the same way.
#include <iostream>
#include <string>
#include <thread>

#include <crocus.hpp>

namespace {

template <class Future>
std::string state_of(const Future& f) {
    return f.cancelled() ? "cancelled" : f.done() ? "done" : "pending";
}

}  // namespace

int main() {
    crocus::run([] {
        crocus::future<int> here;
        std::cout << "future: " << state_of(here) << '\n';
        try {
            here.result();
        } catch (const crocus::invalid_state_error&) {
            std::cout << "future: result() does not wait\n";
        }
        here.add_done_callback([](auto f) { std::cout << "future: callback, in the loop: " << f.result() << '\n'; });
        crocus::event_loop::current().call_soon([here]() mutable { here.set_result(1); });
        const int set_by_the_callback = here.get();
        std::cout << "future: awaited: " << set_by_the_callback << '\n';

        crocus::concurrent_promise<int> promise;
        const auto anywhere = promise.get_future();
        anywhere.add_done_callback([main = std::this_thread::get_id()](const auto& f) {
            const bool on_main = std::this_thread::get_id() == main;
            std::cout << "concurrent_future: callback, on " << (on_main ? "our" : "the other")
                      << " thread: " << f.result() << '\n';
        });
        std::thread other([&promise] { promise.set_result(2); });
        const int set_by_the_thread = anywhere.get();
        other.join();
        std::cout << "concurrent_future: awaited: " << set_by_the_thread << '\n';

        // From one to the other: a green thread awaits what a thread computes.
        crocus::thread_pool_executor pool({.max_workers = 1});
        auto wrapped = crocus::wrap_future(pool.submit([] { return 3; }));
        std::cout << "wrapped: " << wrapped.get() << '\n';

        crocus::future<int> unwanted;
        unwanted.cancel("nobody needs it");
        std::cout << "future: " << state_of(unwanted) << '\n';
    });
}
