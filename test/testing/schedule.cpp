#define BOOST_TEST_MODULE testing_schedule
#include <crocus/testing/schedule.hpp>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

using crocus::create_task;
using crocus::event_loop;
namespace testing = crocus::testing;
using namespace std::chrono_literals;

namespace {

/// What five tasks of three steps do, letter by letter.
std::string schedule_of(testing::run_options options) {
    return testing::run(
        [] {
            std::string log;
            const auto steps = [&](char mark) {
                return [&log, mark] {
                    for (int i = 0; i != 3; ++i) {
                        log += mark;
                        crocus::yield_now();
                    }
                    crocus::sleep(1s);
                    log += mark;
                };
            };
            crocus::gather(steps('a'), steps('b'), steps('c'), steps('d'), steps('e'));
            return log;
        },
        options);
}

/// A variable of the environment, for a while.
class environment_variable {
public:
    environment_variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~environment_variable() { ::unsetenv(name_); }
    environment_variable(const environment_variable&) = delete;
    environment_variable& operator=(const environment_variable&) = delete;

private:
    const char* name_;
};

/// These tests choose their seeds themselves.
struct no_seeds_from_outside {
    no_seeds_from_outside() {
        for (const char* const name : {"CROCUS_SEED", "CROCUS_SEEDS", "CROCUS_FIRST_SEED"}) ::unsetenv(name);
    }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(no_seeds_from_outside);

BOOST_AUTO_TEST_CASE(without_a_seed_tasks_run_first_come_first_served) {  // C27
    BOOST_TEST(schedule_of({}) == "abcdeabcdeabcdeabcde");
}

BOOST_AUTO_TEST_CASE(a_seed_draws_the_order_and_the_same_seed_the_same_order) {  // O20
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed != 100; ++seed) {
        const std::string order = schedule_of({.seed = seed});
        BOOST_TEST(order.size() == 20U);
        BOOST_TEST(schedule_of({.seed = seed}) == order);
        orders.insert(order);
    }
    BOOST_TEST(orders.size() > 95U);
}

BOOST_AUTO_TEST_CASE(every_order_of_three_tasks_comes) {  // O20
    std::set<std::string> orders;
    testing::for_each_seed(200, [&] {
        std::string log;
        crocus::gather([&] { log += 'a'; }, [&] { log += 'b'; }, [&] { log += 'c'; });
        orders.insert(log);
    });
    BOOST_TEST(orders == (std::set<std::string>{"abc", "acb", "bac", "bca", "cab", "cba"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(callbacks_keep_their_order_among_themselves_whatever_is_drawn) {  // L13, O20
    std::set<std::string> orders;
    testing::for_each_seed(100, [&] {
        std::string callbacks;
        std::string all;
        const auto task = [&] { all += '*'; };
        const auto tasks = std::vector{create_task(task), create_task(task), create_task(task)};
        for (const char mark : {'1', '2', '3', '4'})
            event_loop::current().call_soon([&, mark] {
                callbacks += mark;
                all += mark;
            });
        event_loop::current().call_later(1s, [&] { callbacks += '5'; });
        event_loop::current().call_later(1s, [&] { callbacks += '6'; });
        crocus::sleep(2s);
        BOOST_TEST(callbacks == "123456");
        orders.insert(all);
    });
    BOOST_TEST(orders.size() > 20U);
}

BOOST_AUTO_TEST_CASE(who_makes_an_eager_task_goes_on_when_it_waits_whatever_is_drawn) {  // T23, O20
    testing::for_each_seed(100, [] {
        std::string log;
        const auto others = [&] { log += '.'; };
        auto one = create_task(others);
        auto two = create_task(others);
        const auto inner = [&] {
            log += 'a';
            auto innermost = create_task(
                [&] {
                    log += 'b';
                    crocus::yield_now();
                },
                {.eager_start = true});
            log += 'c';
            crocus::yield_now();
        };
        auto eager = create_task(inner, {.eager_start = true});
        BOOST_TEST(log == "abc");
        crocus::gather(one, two, eager);
    });
}

BOOST_AUTO_TEST_CASE(drawn_orders_go_through_debug_mode_too) {  // O20
    const auto in_debug_mode = [] {
        return testing::run(
            [] {
                event_loop::current().set_debug(true);
                std::string log;
                crocus::gather([&] { log += 'a'; }, [&] { log += 'b'; }, [&] { log += 'c'; }, [&] { log += 'd'; });
                return log;
            },
            {.seed = 4});
    };
    const std::string order = in_debug_mode();
    BOOST_TEST(order != "abcd");
    BOOST_TEST(in_debug_mode() == order);
}

BOOST_AUTO_TEST_CASE(what_happens_when_depends_on_no_clock) {  // C27, O20
    const auto steps_until_it_fires = [](testing::run_options options, int work) {
        return testing::run(
            [work] {
                for (int i = 0; i != 10; ++i) crocus::yield_now();  // the loop has looked outside, and begun to count
                bool fired = false;
                event_loop::current().call_later(0s, [&] { fired = true; });
                int steps = 0;
                while (!fired) {
                    volatile int done = 0;
                    while (done < work) done = done + 1;
                    ++steps;
                    crocus::yield_now();
                }
                return steps;
            },
            options);
    };
    for (const testing::run_options& options : {testing::run_options{}, testing::run_options{.seed = 5}}) {
        const int steps = steps_until_it_fires(options, 0);
        for (int i = 0; i != 20; ++i) BOOST_TEST(steps_until_it_fires(options, 500 * i) == steps);
    }
}

BOOST_AUTO_TEST_CASE(numbers_come_from_the_seed_of_the_run) {
    const auto numbers = [](std::uint64_t seed) {
        return testing::run(
            [] {
                std::vector<std::uint64_t> drawn{testing::random()};
                for (std::size_t n = 1; n != 10; ++n) {
                    drawn.push_back(testing::choose(n));
                    BOOST_TEST(drawn.back() < n);
                }
                return drawn;
            },
            {.seed = seed});
    };
    BOOST_TEST(numbers(1) == numbers(1), boost::test_tools::per_element());
    BOOST_TEST((numbers(1) != numbers(2)));
    testing::run([] { BOOST_CHECK_THROW(static_cast<void>(testing::random()), crocus::usage_error); });
    BOOST_CHECK_THROW(static_cast<void>(testing::choose(2)), crocus::usage_error);
}

BOOST_AUTO_TEST_CASE(a_failure_names_its_seed_which_alone_is_run_again_where_the_environment_says_so) {
    std::vector<std::uint64_t> calls;
    const auto fails_seldom = [&] {
        calls.push_back(testing::random());
        if (calls.back() % 16 == 0) throw std::runtime_error("sixteenth");
    };
    std::uint64_t seed = 0;
    try {
        testing::for_each_seed(1000, fails_seldom);
        BOOST_ERROR("it did not fail");
    } catch (const crocus::failure_with_seed& e) {
        seed = e.seed();
        BOOST_TEST(calls.size() == seed);
        const std::string text = e.what();
        BOOST_TEST(text == "with seed " + std::to_string(seed) + ": std::runtime_error: sixteenth\nCROCUS_SEED=" +
                               std::to_string(seed) + " in the environment replays it");
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), std::runtime_error);
    }
    const std::uint64_t failed_on = calls.back();
    const environment_variable only("CROCUS_SEED", std::to_string(seed).c_str());
    for (int i = 0; i != 100; ++i) {
        calls.clear();
        BOOST_CHECK_THROW(testing::for_each_seed(1000, fails_seldom), crocus::failure_with_seed);
        BOOST_REQUIRE(calls.size() == 1U);
        BOOST_TEST(calls.front() == failed_on);
    }
}

BOOST_AUTO_TEST_CASE(the_environment_says_where_seeds_begin) {
    std::vector<std::uint64_t> first;
    const auto note = [&] { first.push_back(testing::random()); };
    testing::for_each_seed(5, note);
    std::vector<std::uint64_t> later;
    const environment_variable from("CROCUS_FIRST_SEED", "3");
    testing::for_each_seed(3, [&] { later.push_back(testing::random()); });
    BOOST_TEST(later == std::vector(first.begin() + 2, first.end()), boost::test_tools::per_element());
    const environment_variable fewer("CROCUS_SEEDS", "2");
    testing::for_each_seed(3, [&] { later.push_back(testing::random()); });
    BOOST_TEST(later.size() == 5U);
    for (const char* const nonsense : {"seven", "7x", "-1", " -1", " 1", "+1", "99999999999999999999"}) {
        const environment_variable bad("CROCUS_SEED", nonsense);
        BOOST_CHECK_THROW(testing::for_each_seed(1, [] {}), crocus::usage_error);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_std_exception_fails_too) {
    try {
        testing::for_each_seed(1, [] { throw crocus::cancelled_error("gone"); });
        BOOST_ERROR("it did not fail");
    } catch (const crocus::failure_with_seed& e) {
        BOOST_TEST(e.seed() == 1U);
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), crocus::cancelled_error);
    }
}

// -------------------------------------------------------------------------------------------------- everybody waits

BOOST_AUTO_TEST_CASE(who_waits_for_all_to_wait_goes_on_then_and_no_time_has_passed) {  // O17
    const auto test = [] {
        std::string log;
        crocus::future<void> go;
        auto sleeper = create_task([&] {
            crocus::sleep(1s);
            log += 's';
        });
        auto waits = create_task([&] {
            for (int i = 0; i != 10; ++i) crocus::yield_now();
            log += 'w';
            go.get();
            log += 'g';
        });
        const auto start = event_loop::current().now();
        testing::wait_all_blocked();
        BOOST_TEST(log == "w");
        BOOST_TEST((event_loop::current().now() == start));
        go.set_result();
        testing::wait_all_blocked();
        BOOST_TEST(log == "wg");
        testing::wait_all_blocked();  // at once
        sleeper.get();
        BOOST_TEST(log == "wgs");
    };
    testing::run(test);
    testing::for_each_seed(20, test);
    crocus::run([] {  // on real time, too
        crocus::future<void> go;
        bool waits = false;
        auto waiting = create_task([&] {
            crocus::yield_now();
            waits = true;
            go.get();
        });
        testing::wait_all_blocked();
        BOOST_TEST(waits);
        go.set_result();
        waiting.get();
    });
}

BOOST_AUTO_TEST_CASE(what_is_due_already_comes_before_a_standstill) {  // O16, O17
    testing::run([] {
        std::string log;
        event_loop::current().call_later(1s, [&] { log += 'd'; });
        testing::advance(2s);
        testing::wait_all_blocked();
        BOOST_TEST(log == "d");
    });
}

BOOST_AUTO_TEST_CASE(several_may_wait_for_all_to_wait_and_be_cancelled) {  // O17
    testing::run([] {
        int went_on = 0;
        const auto waits = [&] {
            testing::wait_all_blocked();
            ++went_on;
        };
        crocus::gather(waits, waits, waits);
        BOOST_TEST(went_on == 3);
        auto cancelled = create_task(waits);
        crocus::yield_now();
        cancelled.cancel();
        BOOST_CHECK_THROW(cancelled.get(), crocus::cancelled_error);
        BOOST_TEST(went_on == 3);
        event_loop::current().call_soon(
            [&] { BOOST_CHECK_THROW(testing::wait_all_blocked(), crocus::cannot_suspend); });
        crocus::sleep(1s);
    });
}
