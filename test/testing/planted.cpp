// Faults that are there on purpose, each of which plain order never shows: seeds find them, and show them again.
#define BOOST_TEST_MODULE testing_planted
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>

#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/sync/mutex.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

namespace testing = crocus::testing;

namespace {

/// What each step was, in their order.
std::string schedule;

void step(const char* what) {
    schedule += what;
    schedule += ' ';
    crocus::yield_now();
}

void steps(int count, const char* what) {
    for (int i = 0; i != count; ++i) step(what);
}

// ------------------------------------------------------------------------------------------------ a lost wake-up

class home_made_event {
public:
    explicit home_made_event(bool correct) : correct_(correct) {}

    void wait() {
        if (set_) return;
        if (!correct_) step("looks");  // and waits for what may have come meanwhile
        waiters_.wait();
    }
    void set() {
        set_ = true;
        waiters_.notify_all();
    }

private:
    const bool correct_;
    bool set_ = false;
    crocus::wait_queue waiters_;
};

void wake_up(bool correct) {
    home_made_event event(correct);
    crocus::gather([&] { event.wait(); },
                   [&] {
                       steps(3, "works");
                       event.set();
                   });
}

// -------------------------------------------------------------------------------------------------------- a race

void add_twice(bool correct) {
    int balance = 0;
    crocus::mutex changes;
    const auto add = [&](int later) {
        return [&, later] {
            steps(later, "begins");
            const auto lock = correct ? std::unique_lock(changes) : std::unique_lock<crocus::mutex>();
            const int read = balance;
            step("reads");
            balance = read + 1;
        };
    };
    crocus::gather(add(0), add(4));
    if (balance != 2) throw std::logic_error("an addition was lost");
}

// ---------------------------------------------------------------------------------------------------- a deadlock

void lock_both(bool correct) {
    crocus::mutex first;
    crocus::mutex second;
    const auto lock = [](crocus::mutex& one, crocus::mutex& other, int later) {
        return [&, later] {
            steps(later, "begins");
            const std::lock_guard outer(one);
            step("has one");
            const std::lock_guard inner(other);
        };
    };
    if (correct)
        crocus::gather(lock(first, second, 0), lock(first, second, 4));
    else
        crocus::gather(lock(first, second, 0), lock(second, first, 4));
}

// --------------------------------------------------------------------------------------------------------- found

constexpr std::size_t seeds = 1000;

struct found_fault {
    std::uint64_t seed = 0;
    std::string what;
    std::string how;
};

found_fault find(const std::function<void(bool)>& program) {
    try {
        testing::for_each_seed(seeds, [&] {
            schedule.clear();
            program(false);
        });
    } catch (const crocus::failure_with_seed& e) {
        return {e.seed(), e.what(), schedule};
    }
    return {};
}

std::string found_and_replayed(const std::function<void(bool)>& program) {
    testing::run([&] { program(false); });  // plain order does not show it
    const found_fault first = find(program);
    BOOST_REQUIRE(first.seed != 0);
    BOOST_TEST_MESSAGE(first.what);
    ::setenv("CROCUS_SEED", std::to_string(first.seed).c_str(), 1);
    for (int i = 0; i != 100; ++i) {
        const found_fault again = find(program);
        BOOST_TEST(again.seed == first.seed);
        BOOST_TEST(again.how == first.how);
    }
    ::unsetenv("CROCUS_SEED");
    testing::for_each_seed(seeds, [&] { program(true); });
    return first.what;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(a_planted_lost_wake_up_is_found_and_replayed) {  // O20, users' T29
    BOOST_TEST(contains(found_and_replayed(wake_up), "deadlock_error: nothing is ready"));
}

BOOST_AUTO_TEST_CASE(a_planted_race_is_found_and_replayed) {  // O20, users' T29
    BOOST_TEST(contains(found_and_replayed(add_twice), "an addition was lost"));
}

BOOST_AUTO_TEST_CASE(a_planted_deadlock_is_found_and_replayed_and_its_circle_shown) {  // O20, users' T29
    const std::string report = found_and_replayed(lock_both);
    BOOST_TEST(contains(report, "in a circle: task '"));
    BOOST_TEST(contains(report, "-> mutex (made at test/testing/planted.cpp:"));
}
