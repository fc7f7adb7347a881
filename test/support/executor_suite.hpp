// What every executor must do, whatever it runs its calls on. Define `subjects`, a tuple of types like those in
// test/executor.cpp, before including this: each case is run on each.
//
// A subject has a pool `pool` of the given number of workers and these calls to submit:
//     square(n)          n * n; negative: throws std::domain_error("negative")
//     nothing()          returns void
//     wait_at_gate(n)    returns n once open() was called
//     map_squares(range)
#pragma once

#include <crocus/executor.hpp>
#include <crocus/run.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace crocus::test {

/// Pools tell when a call begins only by its state.
template <class T>
void wait_until_running(const concurrent_future<T>& call) {
    while (!call.running()) std::this_thread::yield();
}

inline std::string what(const std::exception_ptr& error) {
    try {
        if (error) std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    }
    return {};
}

}  // namespace crocus::test

BOOST_AUTO_TEST_SUITE(every_executor)

using crocus::test::wait_until_running;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_call_returns_its_result, subject, subjects) {  // E4, E13
    subject s(2);
    const auto call = s.square(12);
    BOOST_TEST(call.get() == 144);
    BOOST_TEST(call.get() == 144);  // again: handles share it
    BOOST_TEST(call.done());
    BOOST_TEST(!call.cancelled());
    BOOST_TEST(!call.running());
    BOOST_TEST((call.exception() == nullptr));
    s.nothing().get();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_exception_goes_to_the_future_and_the_worker_goes_on, subject, subjects) {  // E5, E28
    subject s(1);
    const auto call = s.square(-1);
    BOOST_CHECK_THROW(call.get(), std::exception);
    BOOST_TEST(crocus::test::what(call.exception()) == "negative");
    BOOST_TEST(s.square(3).get() == 9);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(only_a_call_that_has_not_begun_can_be_cancelled, subject, subjects) {  // E1, E2, E3
    subject s(1);
    const auto begun = s.wait_at_gate(7);
    wait_until_running(begun);
    const auto waiting = s.square(2);
    BOOST_TEST(!begun.cancel());
    BOOST_TEST(waiting.cancel());
    BOOST_TEST(waiting.cancel());  // still true
    BOOST_TEST(waiting.cancelled());
    BOOST_TEST(waiting.done());
    BOOST_CHECK_THROW(waiting.get(), crocus::cancelled_error);
    BOOST_CHECK_THROW(static_cast<void>(waiting.exception()), crocus::cancelled_error);
    s.open();
    BOOST_TEST(begun.get() == 7);
    BOOST_TEST(!begun.cancel());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(calls_of_one_worker_run_in_the_order_of_submission, subject, subjects) {
    subject s(1);
    std::vector<long> order;
    std::vector<crocus::concurrent_future<long>> calls;
    for (long n = 0; n < 50; ++n) {
        calls.push_back(s.square(n));
        calls.back().add_done_callback([&order](const auto& call) { order.push_back(call.result()); });
    }
    s.pool.shutdown();
    BOOST_TEST(order.size() == 50);
    BOOST_TEST(std::ranges::is_sorted(order));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(map_submits_at_the_call_and_gives_results_in_order, subject, subjects) {  // E14
    subject s(2);
    auto results = s.map_squares(std::vector<long>{5, 4, 3});
    s.pool.shutdown();  // so none is submitted later
    std::vector<long> seen;
    for (const long n : results) seen.push_back(n);
    BOOST_TEST(seen == (std::vector<long>{25, 16, 9}), boost::test_tools::per_element());
    BOOST_TEST(results.size() == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(map_throws_an_exception_at_its_index_and_can_go_on, subject, subjects) {  // E14, E16
    subject s(2);
    auto results = s.map_squares(std::vector<long>{2, -1, 3});
    auto it = results.begin();
    BOOST_TEST(*it == 4);
    ++it;
    BOOST_CHECK_THROW(*it, std::exception);
    ++it;
    BOOST_TEST(*it == 9);
    ++it;
    BOOST_TEST((it == results.end()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_abandoned_map_cancels_what_has_not_begun, subject, subjects) {  // E16
    subject s(1);
    const auto gate = s.wait_at_gate(1);
    wait_until_running(gate);
    std::optional results(s.map_squares(std::vector<long>{1, 2, 3}));
    results.reset();
    const auto after = s.square(4);
    s.open();
    BOOST_TEST(after.get() == 16);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nothing_is_taken_after_shutdown, subject, subjects) {  // E17
    subject s(1);
    BOOST_TEST(s.square(2).get() == 4);
    s.pool.shutdown();
    s.pool.shutdown();
    BOOST_CHECK_THROW(static_cast<void>(s.square(2)), crocus::executor_shut_down);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shutdown_without_waiting_lets_pending_calls_run, subject, subjects) {  // E17, E39
    subject s(1);
    const auto begun = s.wait_at_gate(1);
    const auto waiting = s.square(3);
    s.pool.shutdown(false);
    s.open();
    BOOST_TEST(begun.get() == 1);
    BOOST_TEST(waiting.get() == 9);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shutdown_can_cancel_what_has_not_begun, subject, subjects) {  // E17
    subject s(1);
    const auto begun = s.wait_at_gate(1);
    wait_until_running(begun);
    const auto waiting = s.square(3);
    s.pool.shutdown(false, true);
    BOOST_TEST(waiting.cancelled());
    s.open();
    BOOST_TEST(begun.get() == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_destructor_waits_for_what_was_submitted, subject, subjects) {  // E18
    std::vector<crocus::concurrent_future<long>> calls;
    {
        subject s(2);
        for (long n = 0; n < 10; ++n) calls.push_back(s.square(n));
    }
    for (const auto& call : calls) BOOST_TEST(call.done());
    BOOST_TEST(calls[9].result() == 81);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_waiting_task_suspends_alone, subject, subjects) {  // E4, E43
    subject s(1);
    crocus::run([&] {
        const auto [waited, opened] = crocus::gather([&] { return s.wait_at_gate(5).get(); },
                                                     [&] {
                                                         s.open();  // runs only if the other task blocks nobody
                                                         return true;
                                                     });
        BOOST_TEST(waited == 5);
        BOOST_TEST(opened);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(several_tasks_may_wait_for_one_call, subject, subjects) {
    subject s(1);
    const auto call = s.wait_at_gate(5);
    crocus::run([&] {
        const auto [a, b, c] = crocus::gather([&] { return call.get(); }, [&] { return call.get(); },
                                              [&] {
                                                  s.open();
                                                  return call.get();
                                              });
        BOOST_TEST(a + b + c == 15);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_task_cancels_the_call_it_waits_for_if_that_has_not_begun, subject,
                              subjects) {  // X1
    subject s(1);
    const auto begun = s.wait_at_gate(5);
    wait_until_running(begun);
    const auto waiting = s.square(2);
    crocus::run([&] {
        auto first = crocus::create_task([&] { return begun.get(); });
        auto second = crocus::create_task([&] { return waiting.get(); });
        crocus::yield_now();
        first.cancel();
        second.cancel();
        BOOST_CHECK_THROW(first.get(), crocus::cancelled_error);
        BOOST_CHECK_THROW(second.get(), crocus::cancelled_error);
    });
    BOOST_TEST(!begun.cancelled());
    BOOST_TEST(waiting.cancelled());
    s.open();
    BOOST_TEST(begun.get() == 5);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shutdown_in_a_task_suspends_that_task_alone, subject, subjects) {
    subject s(1);
    const auto call = s.wait_at_gate(5);
    crocus::run([&] {
        crocus::gather(
            [&] {
                s.pool.shutdown();
                BOOST_TEST(call.done());
            },
            [&] { s.open(); });
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_calls_from_several_threads_all_come_back, subject, subjects) {
    subject s(3);
    std::vector<std::thread> threads;
    std::vector<long> sums(4);
    for (auto& sum : sums)
        threads.emplace_back([&s, &sum] {
            for (const long n : s.map_squares(std::vector<long>(25, 2))) sum += n;
        });
    for (auto& t : threads) t.join();
    for (const long sum : sums) BOOST_TEST(sum == 100);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_pool_needs_a_worker, subject, subjects) {  // E22
    if constexpr (subject::has_a_limit)
        BOOST_CHECK_THROW(subject(0), std::invalid_argument);
    else
        BOOST_TEST(!subject::has_a_limit);
}

BOOST_AUTO_TEST_SUITE_END()
