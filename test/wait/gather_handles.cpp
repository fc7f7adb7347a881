// gather of handles, coroutines and other things that can be awaited, and gather(return_exceptions, ...).
#define BOOST_TEST_MODULE wait_gather_handles
#include <crocus/wait.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <crocus/concurrent_future.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::future;
using crocus::gather;
using crocus::return_exceptions;
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

task<int> failing_after(std::chrono::milliseconds delay, const char* what) {
    return create_task([=]() -> int {
        crocus::sleep(delay);
        throw std::runtime_error(what);
    });
}

struct delayed_answer {
    int answer;
    int await() const {
        crocus::sleep(1ms);
        return answer;
    }
};

}  // namespace

// ------------------------------------------------------------------------------------------------------------- results

BOOST_AUTO_TEST_CASE(handles_give_their_results_in_the_order_of_the_arguments) {  // T24
    run_virtual([] {
        future<std::string> later;
        auto b = after(1ms, 2);
        crocus::event_loop::current().call_later(3ms, [later]() mutable { later.set_result("three"); });
        const auto results = gather(after(2ms, 1), b, later, create_task([] {}));
        static_assert(std::is_same_v<decltype(results), const std::tuple<int, int, std::string, std::monostate>>);
        BOOST_TEST((results == std::tuple(1, 2, std::string("three"), std::monostate())));
        BOOST_TEST(b.result() == 2);  // still there

        std::vector<task<int>> tasks{after(2ms, 4), after(1ms, 5)};
        BOOST_TEST(gather(tasks) == (std::vector{4, 5}), boost::test_tools::per_element());
        BOOST_TEST(gather(std::vector<future<int>>{}).empty());
        static_assert(std::is_same_v<decltype(gather()), std::tuple<>>);
    });
}

BOOST_AUTO_TEST_CASE(functions_handles_coroutines_and_what_can_be_awaited_may_be_mixed) {  // T24, C4
    run_virtual([] {
        crocus::coroutine<int> coroutine = [] {
            crocus::sleep(3ms);
            return 2;
        };
        const delayed_answer answer{4};
        const auto handle = after(2ms, 3);
        const auto results = gather([] { return 1; }, coroutine, handle, answer, delayed_answer{5});
        BOOST_TEST((results == std::tuple(1, 2, 3, 4, 5)));

        std::vector<crocus::coroutine<int>> calls;
        for (int i : {1, 2}) calls.push_back([i] { return i; });
        BOOST_TEST(gather(calls) == (std::vector{1, 2}), boost::test_tools::per_element());
        BOOST_TEST(gather(std::vector{answer, answer}) == (std::vector{4, 4}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_result_of_another_thread_may_be_gathered) {
    crocus::run([] {
        crocus::concurrent_promise<int> promise;
        std::thread other([&] { promise.set_result(7); });
        const auto [a, b] = gather(promise.get_future(), [] { return 1; });
        other.join();
        BOOST_TEST(a + b == 8);
    });
}

BOOST_AUTO_TEST_CASE(a_handle_that_is_there_twice_runs_once) {  // T24
    run_virtual([] {
        int runs = 0;
        auto t = create_task([&] { return ++runs; });
        BOOST_TEST((gather(t, t) == std::tuple(1, 1)));
        BOOST_TEST(gather(std::vector{t, t, t}) == (std::vector{1, 1, 1}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_copied_is_moved_out_and_a_copy_is_not_made_in_vain) {
    run_virtual([] {
        const auto [a] = gather(create_task([] { return std::make_unique<int>(3); }));
        BOOST_TEST(*a == 3);
        struct counting {
            int copies = 0;
            counting() = default;
            counting(const counting& other) : copies(other.copies + 1) {}
            counting(counting&& other) noexcept : copies(other.copies) {}
        };
        const auto make = [] { return counting(); };
        auto kept = create_task(make);
        const auto [of_a_function, of_the_last_handle, of_another] = gather(make, create_task(make), kept);
        BOOST_TEST(of_a_function.copies == 0);
        BOOST_TEST(of_the_last_handle.copies == 0);
        BOOST_TEST(of_another.copies == 1);
    });
}

BOOST_AUTO_TEST_CASE(handles_that_are_done_need_no_wait) {  // I4
    run_virtual([] {
        auto t = after(0ms, 1);
        t.get();
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        BOOST_TEST((gather(t, t) == std::tuple(1, 1)));
        BOOST_TEST(!other_ran);
        other.get();
    });
}

// ------------------------------------------------------------------------------------------------------------ failures

BOOST_AUTO_TEST_CASE(the_first_failure_of_handles_is_raised_at_once_and_the_others_go_on) {  // T24
    run_virtual([] {
        const auto reports = collect_reports();
        const auto start = crocus::event_loop::current().now();
        auto slow = after(3ms, 1);
        {
            auto fails_too = failing_after(2ms, "later");
            auto failed_before = failing_after(1ms, "first");
            BOOST_CHECK_EXCEPTION(gather(slow, fails_too, failed_before), std::runtime_error,
                                  [](const auto& e) { return e.what() == std::string("first"); });
            BOOST_TEST((crocus::event_loop::current().now() - start == 1ms));
        }
        BOOST_TEST(slow.get() == 1);
        BOOST_TEST(slow.cancelling() == 0);
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(reports->empty());  // what failed later counts as retrieved
    });
}

BOOST_AUTO_TEST_CASE(a_failed_handle_ends_the_functions_beside_it_before_gather_returns) {  // T24
    run_virtual([] {
        auto handle = after(1h, 1);
        bool cleaned = false;
        BOOST_CHECK_THROW(gather(handle, failing_after(1ms, "x"),
                                 [&] {
                                     cancellation_of([] { crocus::sleep(1h); });
                                     crocus::sleep(1ms);
                                     cleaned = true;
                                 }),
                          std::runtime_error);
        BOOST_TEST(cleaned);
        BOOST_TEST(handle.cancelling() == 0);
        BOOST_TEST(crocus::all_tasks().size() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(failures_can_be_results) {  // T24
    run_virtual([] {
        const auto reports = collect_reports();
        auto cancelled = after(1h, 1);
        cancelled.cancel("off");
        auto [a, b, c, d] = gather(
            return_exceptions, [] { return 1; }, failing_after(1ms, "x"), cancelled, [] {});
        BOOST_TEST(a.value() == 1);
        BOOST_TEST(*a == 1);
        BOOST_TEST(!b);
        BOOST_TEST(crocus::describe(b.exception()) == "std::runtime_error: x");
        BOOST_CHECK_THROW(b.value(), std::runtime_error);
        BOOST_TEST(cancellation_of([&c = c] { c.value(); }) == "off");
        BOOST_TEST(d.has_value());
        d.value();

        const std::vector<int (*)()> functions{[] { return 1; }, []() -> int { throw std::logic_error("y"); },
                                               [] {
                                                   crocus::sleep(5ms);
                                                   return 3;
                                               }};
        const auto outcomes = gather(return_exceptions, functions);
        static_assert(std::is_same_v<decltype(outcomes), const std::vector<crocus::outcome<int>>>);
        BOOST_TEST(outcomes[0].value() == 1);
        BOOST_CHECK_THROW(outcomes[1].value(), std::logic_error);
        BOOST_TEST(outcomes[2].value() == 3);  // nobody was cancelled
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_handle_of_another_loop_is_refused_and_what_was_started_is_ended) {  // T24
    run_virtual([] {
        std::optional<future<int>> foreign;
        std::thread([&] { crocus::run([&] { foreign.emplace(); }); }).join();
        bool began = false;
        BOOST_CHECK_THROW(gather([&] { began = true; }, *foreign), crocus::usage_error);
        BOOST_TEST(!began);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_task_cannot_gather_itself) {  // T3
    run_virtual([] {
        std::optional<task<void>> self;
        self.emplace(create_task([&] { BOOST_CHECK_THROW(gather(*self), crocus::usage_error); }));
        self->get();
    });
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_is_there_twice_is_refused) {  // T24, and its deviation
    run_virtual([] {
        int runs = 0;
        crocus::coroutine<int> c = [&] { return ++runs; };
        BOOST_CHECK_THROW(gather(c, c), crocus::coroutine_already_awaited);
        BOOST_TEST(runs == 0);
    });
}

// --------------------------------------------------------------------------------------------------------- cancelled

BOOST_AUTO_TEST_CASE(cancelling_the_caller_cancels_handles_too_and_waits_for_their_ends) {  // T14, T25
    run_virtual([] {
        std::string log;
        const auto reports = collect_reports();
        const auto slow = [&](int clean_up) {
            return create_task([&log, clean_up] {
                log += cancellation_of([] { crocus::sleep(1h); }) + std::to_string(clean_up) + ' ';
                crocus::sleep(clean_up * 1ms);
                if (clean_up == 2) throw std::runtime_error("lost: the cancellation is what counts");
            });
        };
        future<void> bare;
        auto a = slow(3);
        auto caller = create_task([&, b = slow(2)] {
            const auto message = cancellation_of([&] { gather(a, b, bare, a); });
            log += message;
            BOOST_TEST(crocus::current_task().cancelling() == 1);
            BOOST_TEST(a.done());
        });
        crocus::sleep(1ms);
        BOOST_TEST(caller.cancel("stop"));
        caller.get();
        BOOST_TEST(log == "stop3 stop2 stop");
        BOOST_TEST(bare.cancelled());
        BOOST_TEST(a.cancelling() == 1);  // though it was there twice
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_gets_the_cancellation_also_where_failures_are_results) {  // T25
    run_virtual([] {
        auto child = after(1h, 1);
        auto caller = create_task([&] { gather(return_exceptions, child, [] { crocus::sleep(1h); }); });
        crocus::sleep(1ms);
        caller.cancel("stop");
        BOOST_TEST(cancellation_of([&] { caller.get(); }) == "stop");
        BOOST_TEST(child.cancelled());
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_handle_that_is_cancelled_raises_that_and_the_caller_is_not_cancelled) {  // T13, T25
    run_virtual([] {
        auto child = after(1h, 1);
        auto other = after(2ms, 2);
        auto caller = create_task([&] {
            const auto message = cancellation_of([&] { gather(other, child); });
            BOOST_TEST(!other.done());
            BOOST_TEST(crocus::current_task().cancelling() == 0);
            return message;
        });
        crocus::sleep(1ms);
        child.cancel("that one");
        BOOST_TEST(caller.get() == "that one");
        BOOST_TEST(!caller.cancelled());
        BOOST_TEST(other.get() == 2);
    });
}

BOOST_AUTO_TEST_CASE(a_request_that_came_before_cancels_the_handles) {  // T8, T25
    run_virtual([] {
        auto child = after(1h, 1);
        future<void> bare;
        auto caller = create_task([&] {
            crocus::current_task().cancel("before");
            gather(child, bare);
        });
        BOOST_TEST(cancellation_of([&] { caller.get(); }) == "before");
        BOOST_TEST(child.cancelled());
        BOOST_TEST(bare.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(a_request_that_comes_when_all_have_ended_is_delivered_at_the_next_wait) {  // T6, T25
    run_virtual([] {
        future<int> bare;
        auto caller = create_task([&] {
            const auto [result] = gather(bare);
            return cancellation_of([] { crocus::yield_now(); }) + std::to_string(result);
        });
        crocus::sleep(1ms);
        bare.set_result(1);
        caller.cancel("late");
        BOOST_TEST(caller.get() == "late1");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_circle_of_gathers_ends) {
    run_virtual([] {
        std::optional<task<void>> a, b;
        a.emplace(create_task([&] { gather(*b); }));
        b.emplace(create_task([&] { gather(*a); }));
        crocus::sleep(1ms);
        a->cancel("break");
        BOOST_TEST(cancellation_of([&] { a->get(); }) == "break");
        BOOST_TEST(cancellation_of([&] { b->get(); }) == "break");
        BOOST_TEST(a->cancelling() == 2);
    });
}

BOOST_AUTO_TEST_CASE(gather_inside_a_deferred_cancellation_is_not_cancelled) {
    run_virtual([] {
        auto child = after(2ms, 1);
        auto caller = create_task([&] {
            crocus::current_task().cancel("held");
            const auto [result] = crocus::defer_cancellation([&] { return gather(child); });
            return cancellation_of([] { crocus::yield_now(); }) + std::to_string(result);
        });
        BOOST_TEST(caller.get() == "held1");
    });
}

BOOST_AUTO_TEST_CASE(gather_may_be_awaited_in_a_coroutine_that_is_driven_by_hand) {
    run_virtual([] {
        auto child = after(1ms, 1);
        crocus::coroutine<int> c = [&] {
            const auto [a, b] = gather(child, [] {
                crocus::sleep(2ms);
                return 2;
            });
            return a + b;
        };
        auto step = c.send();
        for (; step.yielded(); step = c.send()) crocus::await(*step);
        BOOST_TEST(step.result() == 3);
    });
}
