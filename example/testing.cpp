// Tests of what waits: retries with growing pauses, whose test takes no time; a race that seeds find; two steps in an
// order that the test says; and locks that are taken crosswise, which fail with the circle instead of hanging.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;
namespace testing = crocus::testing;

namespace {

void require(bool condition, const char* what) {
    std::cout << (condition ? "passed: " : "FAILED: ") << what << '\n';
    if (!condition) std::exit(1);
}

// ------------------------------------------------------------------------------------------------------------- time

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

void retries() {
    testing::run([] {
        const auto start = crocus::event_loop::current().now();
        int calls = 0;
        const int answer = with_retries([&] {
            if (++calls < 3) throw std::runtime_error("not yet");
            return 42;
        });
        require(answer == 42 && calls == 3, "the third call succeeds");
        require(crocus::event_loop::current().now() - start == 3s, "after pauses of one second and two");
    });
}

// ----------------------------------------------------------------------------------------------------------- chance

/// What is tested: takes a seat where one is left, after it has asked somebody. Between the look and the taking another
/// task may have taken the last one.
class seats {
public:
    bool take() {
        if (left_ == 0) return false;
        crocus::yield_now();  // somebody is asked
        --left_;
        return true;
    }
    [[nodiscard]] int left() const { return left_; }

private:
    int left_ = 1;
};

void race() {
    const auto test = [] {
        seats s;
        crocus::gather([&] { s.take(); },
                       [&] {
                           for (int i = 0; i != 3; ++i) crocus::yield_now();  // comes later, as a rule
                           s.take();
                       });
        if (s.left() < 0) throw std::logic_error("a seat was taken twice");
    };
    testing::run(test);
    require(true, "first come, first served, no seat is taken twice");
    try {
        testing::for_each_seed(1000, test);
        require(false, "some order takes it twice");
    } catch (const crocus::failure_with_seed& failure) {
        require(true, failure.what());
    }
}

void certain_order() {
    testing::run([] {
        seats s;
        testing::sequencer order;
        crocus::gather(
            [&] {
                const auto turn = order(0);
                s.take();
            },
            [&] {
                const auto turn = order(1);
                require(!s.take(), "who comes after the last seat was taken gets none");
            });
    });
}

// --------------------------------------------------------------------------------------------------------- deadlock

void crosswise() {
    crocus::mutex plate;
    crocus::mutex fork;
    testing::run([&] {
        const auto eat = [](crocus::mutex& one, crocus::mutex& other) {
            return [&] {
                const std::lock_guard first(one);
                crocus::sleep(1s);
                const std::lock_guard second(other);
            };
        };
        auto a = crocus::create_task(eat(plate, fork), {.name = "Ada"});
        auto b = crocus::create_task(eat(fork, plate), {.name = "Ben"});
        try {
            a.get();
            require(false, "they wait for each other");
        } catch (const crocus::deadlock_error& e) {
            require(true, e.what());
        }
    });
}

}  // namespace

int main() {
    retries();
    race();
    certain_order();
    crosswise();
}
