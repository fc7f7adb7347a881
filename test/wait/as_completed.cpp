#define BOOST_TEST_MODULE wait_as_completed
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

using crocus::as_completed;
using crocus::create_task;
using crocus::event_loop;
using crocus::future;
using crocus::task;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

task<int> after(std::chrono::milliseconds delay, int value) {
    return create_task([=] {
        crocus::sleep(delay);
        return value;
    });
}

template <class Handles>
std::string results_of(Handles&& completions) {
    std::string log;
    for (auto& done : completions) log += std::to_string(done.result());
    return log;
}

static_assert(std::ranges::input_range<crocus::completions<task<int>>> &&
              std::ranges::view<crocus::completions<task<int>>>);

}  // namespace

// ------------------------------------------------------------------------------------------------------------- handles

BOOST_AUTO_TEST_CASE(handles_come_in_the_order_in_which_they_end) {  // T29
    run_virtual([] {
        const auto start = event_loop::current().now();
        std::vector tasks{after(3ms, 3), after(1ms, 1), after(2ms, 2)};
        std::vector<const void*> seen;
        int at = 0;
        for (auto& done : as_completed(tasks)) {
            BOOST_TEST(done.result() == ++at);
            BOOST_TEST((event_loop::current().now() - start == at * 1ms));
            seen.push_back(done.state().get());
        }
        const std::vector<const void*> expected{tasks[1].state().get(), tasks[2].state().get(), tasks[0].state().get()};
        BOOST_TEST(seen == expected, boost::test_tools::per_element());  // the very ones
    });
}

BOOST_AUTO_TEST_CASE(those_that_end_together_or_before_keep_their_order) {  // T29
    run_virtual([] {
        future<int> a, b, c, d;
        d.set_result(4);
        b.set_result(2);
        auto completions = as_completed(std::vector{a, b, c, d});
        BOOST_TEST(completions.left() == 4U);
        c.set_result(3);
        a.set_result(1);
        BOOST_TEST(results_of(completions) == "2431");
        BOOST_TEST(completions.left() == 0U);
        BOOST_TEST(results_of(completions) == "");
    });
}

BOOST_AUTO_TEST_CASE(each_handle_comes_once_and_none_from_none) {  // T29
    run_virtual([] {
        auto a = after(2ms, 1), b = after(1ms, 2);
        BOOST_TEST(results_of(as_completed(std::vector{a, b, a, a, b})) == "21");
        BOOST_TEST(results_of(as_completed(std::vector<future<int>>{})) == "");
        BOOST_TEST(!as_completed(std::vector<future<int>>{}).next().has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_failed_handle_comes_like_the_others) {  // T29
    run_virtual([] {
        auto fails = create_task([]() -> int { throw std::runtime_error("x"); });
        auto cancelled = after(1h, 0);
        crocus::yield_now();
        cancelled.cancel();
        std::string log;
        for (auto& done : as_completed(std::vector{after(1ms, 1), fails, cancelled})) {
            try {
                log += std::to_string(done.get());
            } catch (const std::runtime_error&) {
                log += 'x';
            } catch (const crocus::cancelled_error&) {
                log += 'c';
            }
        }
        BOOST_TEST(log == "xc1");
    });
}

BOOST_AUTO_TEST_CASE(a_loop_that_was_left_goes_on_in_the_next_one) {  // T29
    run_virtual([] {
        auto completions = as_completed(std::vector{after(1ms, 1), after(2ms, 2), after(3ms, 3), after(4ms, 4)});
        for (auto& done : completions) {
            BOOST_TEST(done.result() == 1);
            break;
        }
        BOOST_TEST(completions.next()->result() == 2);
        BOOST_CHECK_THROW(for (auto& done : completions) throw done.result(), int);
        BOOST_TEST(results_of(completions) == "4");
    });
}

BOOST_AUTO_TEST_CASE(it_is_a_view) {  // T29
    run_virtual([] {
        std::string log;
        auto doubled = as_completed(std::vector{after(2ms, 2), after(1ms, 1), after(1h, 0)}) |
                       std::views::transform([](auto& done) { return 2 * done.result(); }) | std::views::take(2);
        for (int n : doubled) log += std::to_string(n);
        BOOST_TEST(log == "24");
    });
}

BOOST_AUTO_TEST_CASE(a_step_that_is_late_raises_a_timeout_and_what_ends_after_that_is_not_lost) {  // T29
    run_virtual([] {
        const auto start = event_loop::current().now();
        auto completions = as_completed(std::vector{after(1ms, 1), after(5ms, 5), after(3ms, 3)}, 2ms);
        std::string log;
        BOOST_CHECK_EXCEPTION(for (auto& done
                                   : completions) log += std::to_string(done.result()),
                              crocus::timeout_error, [](const auto& e) {
                                  return e.what() == std::string("as_completed: 2 of 3 had not ended in time");
                              });
        BOOST_TEST((event_loop::current().now() - start == 2ms));
        BOOST_TEST(log == "1");
        BOOST_TEST(crocus::all_tasks().size() == 2U);  // none was cancelled
        BOOST_TEST(results_of(completions) == "35");
    });
}

BOOST_AUTO_TEST_CASE(the_time_runs_from_the_call_on_and_what_has_ended_is_never_late) {  // T29
    run_virtual([] {
        auto completions = as_completed(std::vector{after(1ms, 1), after(2ms, 2), after(9ms, 9)}, 3ms);
        crocus::sleep(5ms);
        BOOST_TEST(completions.next()->result() == 1);
        BOOST_TEST(completions.next()->result() == 2);
        BOOST_CHECK_THROW(completions.next(), crocus::timeout_error);
        BOOST_TEST(results_of(as_completed(std::vector{after(1ms, 1), after(2ms, 2)}, 3ms)) == "12");

        auto just_in_time = after(2ms, 3);
        crocus::yield_now();  // its timer is the first of two at the same time
        BOOST_TEST(results_of(as_completed(std::vector{just_in_time}, 2ms)) == "3");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_step_passes_nothing_over_and_cancels_no_handle) {  // T15, T29
    run_virtual([] {
        auto child = after(2ms, 1);
        auto caller = create_task([&] {
            auto completions = as_completed(std::vector{child});
            const auto message = cancellation_of([&] { completions.next(); });
            return message + results_of(completions);
        });
        crocus::sleep(1ms);
        caller.cancel("stop");
        BOOST_TEST(caller.get() == "stop1");
    });
}

BOOST_AUTO_TEST_CASE(a_handle_of_another_loop_is_refused) {
    run_virtual([] {
        std::optional<future<int>> foreign;
        std::thread([&] { crocus::run([&] { foreign.emplace(); }); }).join();
        BOOST_CHECK_THROW(static_cast<void>(as_completed(std::vector{*foreign})), crocus::usage_error);
    });
}

// ----------------------------------------------------------------------------------------------------------- functions

BOOST_AUTO_TEST_CASE(functions_become_tasks_that_come_as_they_end) {  // T29
    run_virtual([] {
        const auto delays = std::views::iota(1, 5) | std::views::transform([](int n) {
                                return [n] {
                                    crocus::sleep((10 - n) * 1ms);
                                    return n;
                                };
                            });
        BOOST_TEST(results_of(as_completed(delays)) == "4321");

        int target = 0;
        const auto add = [&] { target += 1; };
        const std::vector functions(3, add);
        for (auto& done : as_completed(functions)) done.get();
        BOOST_TEST(target == 3);

        std::vector<crocus::coroutine<std::unique_ptr<int>>> calls;
        calls.push_back([] { return std::make_unique<int>(4); });
        for (auto& done : as_completed(std::move(calls))) BOOST_TEST(*done.get() == 4);
    });
}

BOOST_AUTO_TEST_CASE(functions_that_still_run_when_the_loop_is_left_are_cancelled_and_awaited) {  // T29
    run_virtual([] {
        const auto reports = collect_reports();
        std::string log;
        const auto job = [&](int n) {
            return [&log, n] {
                const auto message = cancellation_of([&] { crocus::sleep(n * 1ms); });
                if (message == "none") return n;
                crocus::sleep(5ms);
                log += std::to_string(n);
                throw crocus::cancelled_error();
            };
        };
        for (auto& done : as_completed(std::vector{job(2), job(1), job(3)})) {
            BOOST_TEST(done.result() == 1);
            break;
        }
        BOOST_TEST(log == "23");
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_CHECK_THROW(for (auto& done : as_completed(std::vector{job(2), job(1)})) throw done.result(), int);
        BOOST_TEST(log == "232");
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_failure_that_nobody_came_to_see_is_reported) {
    run_virtual([] {
        const auto reports = collect_reports();
        const std::vector<void (*)()> functions{[] { crocus::sleep(1ms); },
                                                [] {
                                                    cancellation_of([] { crocus::sleep(1h); });
                                                    throw std::runtime_error("while it cleaned up");
                                                }};
        for (auto& done : as_completed(functions)) {
            done.get();
            break;
        }
        BOOST_TEST(reports->size() == 1U);
        BOOST_TEST(crocus::test::contains(reports->front(), "while it cleaned up"));
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_ends_the_functions_before_it_leaves) {
    run_virtual([] {
        int ended = 0;
        auto caller = create_task([&] {
            const auto job = [&] {
                cancellation_of([] { crocus::sleep(1h); });
                crocus::sleep(1ms);
                ++ended;
            };
            for (auto& done : as_completed(std::vector{job, job})) done.get();
        });
        crocus::sleep(1ms);
        caller.cancel("stop");
        BOOST_TEST(cancellation_of([&] { caller.get(); }) == "stop");
        BOOST_TEST(ended == 2);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(dropped_where_nothing_can_wait_it_says_so) {
    const crocus::test::reports reports;
    run_virtual([] {
        auto job = [] { crocus::sleep(1h); };
        auto kept = std::make_unique<crocus::completions<task<void>>>(as_completed(std::vector{job}));
        event_loop::current().call_soon([&] { kept.reset(); });
        crocus::sleep(1ms);
        BOOST_TEST(!kept);
        BOOST_TEST(crocus::all_tasks().empty());  // cancelled all the same
    });
    BOOST_TEST(reports.texts.size() == 1U);
}
