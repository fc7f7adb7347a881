// A test of something that waits: retries with growing pauses take six seconds, and their test takes none.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

/// What is tested: calls `f` until it does not throw, at most four times.
template <class F>
auto with_retries(F f) {
    for (auto pause = 1s; pause < 8s; pause *= 2) {
        try {
            return f();
        } catch (const std::runtime_error&) {
            crocus::sleep(pause);
        }
    }
    return f();
}

void require(bool condition, const char* what) {
    std::cout << (condition ? "passed: " : "FAILED: ") << what << '\n';
    if (!condition) std::exit(1);
}

}  // namespace

int main() {
    crocus::testing::run([] {
        const auto start = crocus::event_loop::current().now();
        int calls = 0;
        const int answer = with_retries([&] {
            if (++calls < 3) throw std::runtime_error("not yet");
            return 42;
        });
        require(answer == 42 && calls == 3, "the third call succeeds");
        require(crocus::event_loop::current().now() - start == 3s, "after pauses of one second and two");
    });
    try {
        crocus::testing::run([] { crocus::future<int>().get(); });
    } catch (const crocus::deadlock_error& e) {
        require(true, e.what());
    }
}
