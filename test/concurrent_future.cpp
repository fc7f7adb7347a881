#define BOOST_TEST_MODULE concurrent_future
#include <boost/test/unit_test.hpp>

#include <crocus/concurrent_future.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/reports.hpp"

using namespace std::chrono_literals;
using crocus::concurrent_future;
using crocus::concurrent_promise;

BOOST_AUTO_TEST_CASE(a_promise_goes_through_the_states) {  // E1, E3, E7
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    BOOST_TEST(f.to_string() == "concurrent_future (pending)");
    BOOST_TEST(promise.set_running_or_notify_cancel());
    BOOST_TEST(f.running());
    BOOST_TEST(!f.done());
    BOOST_TEST(!f.cancel());
    BOOST_TEST(f.to_string() == "concurrent_future (running)");
    promise.set_result(3);
    BOOST_TEST(f.done());
    BOOST_TEST(f.result() == 3);
    BOOST_TEST(f.to_string() == "concurrent_future (finished, returned int)");  // E9
}

BOOST_AUTO_TEST_CASE(a_cancelled_promise_must_not_begin) {  // E7
    concurrent_promise<int> promise;
    BOOST_TEST(promise.get_future().cancel());
    BOOST_TEST(promise.get_future().to_string() == "concurrent_future (cancelled)");
    BOOST_TEST(!promise.set_running_or_notify_cancel());
    BOOST_CHECK_THROW(static_cast<void>(promise.set_running_or_notify_cancel()), crocus::invalid_state_error);
    BOOST_TEST(promise.get_future().cancelled());
    BOOST_TEST(promise.get_future().cancel());
    BOOST_CHECK_THROW(promise.set_result(1), crocus::invalid_state_error);
}

BOOST_AUTO_TEST_CASE(a_promise_begins_once) {  // E7
    concurrent_promise<void> promise;
    BOOST_TEST(promise.set_running_or_notify_cancel());
    BOOST_CHECK_THROW(static_cast<void>(promise.set_running_or_notify_cancel()), crocus::invalid_state_error);
}

BOOST_AUTO_TEST_CASE(a_result_is_set_once) {  // E8
    concurrent_promise<std::string> promise;
    promise.set_result("first");
    BOOST_CHECK_THROW(promise.set_result("second"), crocus::invalid_state_error);
    BOOST_CHECK_THROW(promise.set_exception(std::make_exception_ptr(1)), crocus::invalid_state_error);
    BOOST_TEST(promise.get_future().get() == "first");
}

BOOST_AUTO_TEST_CASE(a_promise_destroyed_without_a_result_fails_its_future) {
    auto promise = std::make_unique<concurrent_promise<int>>();
    const auto f = promise->get_future();
    promise.reset();
    BOOST_CHECK_THROW(f.get(), crocus::broken_executor);
}

BOOST_AUTO_TEST_CASE(result_and_exception_never_wait) {  // E4, E5
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    BOOST_CHECK_THROW(f.result(), crocus::invalid_state_error);
    BOOST_CHECK_THROW(static_cast<void>(f.exception()), crocus::invalid_state_error);
    promise.set_exception(std::make_exception_ptr(std::runtime_error("x")));
    f.wait();
    BOOST_TEST(crocus::describe(f.exception()) == "std::runtime_error: x");
    BOOST_CHECK_THROW(f.result(), std::runtime_error);
    BOOST_TEST(f.to_string() == "concurrent_future (finished, raised std::runtime_error: x)");
}

BOOST_AUTO_TEST_CASE(a_thread_without_a_loop_blocks_until_the_result_is_there) {  // E4
    concurrent_promise<int> promise;
    int got = 0;
    std::thread waiting([&] { got = promise.get_future().get(); });
    crocus::run([] { crocus::yield_now(); });  // meanwhile
    promise.set_result(5);
    waiting.join();
    BOOST_TEST(got == 5);
}

BOOST_AUTO_TEST_CASE(waiting_has_a_limit_on_a_thread_and_in_a_task) {  // E4
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    std::thread([&f] {
        BOOST_CHECK_THROW(f.get_for(1ms), crocus::timeout_error);
        BOOST_TEST(!f.wait_for(1ms));
    }).join();
    crocus::run([&] {
        BOOST_CHECK_THROW(f.get_for(1ms), crocus::timeout_error);
        BOOST_TEST(!f.wait_for(1ms));
        promise.set_result(4);
        BOOST_TEST(f.wait_for(0ms));
        BOOST_TEST(f.get_for(0ms) == 4);
    });
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_copied_is_moved_out_once) {
    concurrent_promise<std::unique_ptr<int>> promise;
    promise.set_result(std::make_unique<int>(5));
    const auto f = promise.get_future();
    BOOST_TEST(*f.get() == 5);
    BOOST_CHECK_THROW(f.get(), crocus::invalid_state_error);
}

BOOST_AUTO_TEST_CASE(callbacks_run_in_order_on_the_completing_thread_and_at_once_when_done) {  // E6
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    std::vector<std::string> seen;
    std::array<std::thread::id, 2> where;
    f.add_done_callback([&](const concurrent_future<int>& done) {
        seen.push_back("first " + std::to_string(done.result()));
        where[0] = std::this_thread::get_id();
    });
    f.add_done_callback([&](const auto&) { seen.emplace_back("second"); });
    std::thread completing([&promise] { promise.set_result(1); });
    const auto completing_id = completing.get_id();
    completing.join();
    f.add_done_callback([&](const auto&) {
        seen.emplace_back("third");
        where[1] = std::this_thread::get_id();
    });
    BOOST_TEST(seen == (std::vector<std::string>{"first 1", "second", "third"}), boost::test_tools::per_element());
    BOOST_TEST((where[0] == completing_id));
    BOOST_TEST((where[1] == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(cancel_runs_the_callbacks_in_the_cancelling_thread) {  // E2
    concurrent_promise<int> promise;
    bool called = false;
    promise.get_future().add_done_callback([&](const auto& f) { called = f.cancelled(); });
    promise.get_future().cancel();
    BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(an_exception_in_a_callback_is_reported_and_the_others_run) {  // E6
    const crocus::test::reports reports;
    concurrent_promise<int> promise;
    int called = 0;
    promise.get_future().add_done_callback([](const auto&) { throw std::runtime_error("first"); });
    promise.get_future().add_done_callback([&](const auto&) { ++called; });
    promise.set_result(1);
    promise.get_future().add_done_callback([](const auto&) { throw std::runtime_error("late"); });
    BOOST_TEST(called == 1);
    BOOST_REQUIRE(reports.texts.size() == 2);
    BOOST_TEST(reports.texts[0] == "in a done callback of a concurrent_future: std::runtime_error: first");
    BOOST_TEST(reports.texts[1].ends_with("late"));
}

BOOST_AUTO_TEST_CASE(a_promise_destroyed_without_a_result_lets_its_callbacks_go) {  // E21
    const auto token = std::make_shared<int>();
    {
        concurrent_promise<int> promise;
        promise.get_future().add_done_callback([token](const auto&) {});
    }
    BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(waiting_in_a_loop_callback_is_an_error) {
    crocus::run([] {
        concurrent_promise<int> promise;
        const auto f = promise.get_future();
        bool refused = false;
        crocus::event_loop::current().call_soon([&] {
            try {
                f.get();
            } catch (const crocus::cannot_suspend&) {
                refused = true;
            }
        });
        crocus::yield_now();
        BOOST_TEST(refused);
    });
}

BOOST_AUTO_TEST_CASE(a_future_outlives_the_loop_that_waited_for_it) {
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    crocus::run([&] {
        auto left = crocus::create_task([&] { return f.wait_for(1h); });
        crocus::yield_now();
    });  // cancels it, which cancels the call
    BOOST_TEST(f.cancelled());
    BOOST_TEST(!promise.set_running_or_notify_cancel());
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_was_pending_ends_the_wait_and_the_call_once) {
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    crocus::run([&] {
        auto waiting = crocus::create_task([&] {
            crocus::defer_cancellation([] { crocus::yield_now(); });
            BOOST_CHECK_THROW(f.get(), crocus::cancelled_error);
            crocus::yield_now();  // not cancelled a second time
            return true;
        });
        crocus::yield_now();
        waiting.cancel();
        BOOST_TEST(waiting.get());
    });
    BOOST_TEST(f.cancelled());
}

BOOST_AUTO_TEST_CASE(a_result_that_came_before_the_cancellation_is_delivered) {  // T6
    concurrent_promise<int> promise;
    const auto f = promise.get_future();
    crocus::run([&] {
        auto waiting = crocus::create_task([&] {
            const int result = f.get();
            BOOST_CHECK_THROW(crocus::yield_now(), crocus::cancelled_error);
            return result;
        });
        crocus::yield_now();
        promise.set_result(6);
        waiting.cancel();
        BOOST_TEST(waiting.get() == 6);
    });
}

BOOST_AUTO_TEST_CASE(wrap_future_hands_the_outcome_on) {  // F15
    crocus::run([] {
        concurrent_promise<int> promise;
        crocus::future<int> wrapped = crocus::wrap_future(promise.get_future());
        std::thread completing([&] { promise.set_result(3); });
        BOOST_TEST(wrapped.get() == 3);
        completing.join();

        concurrent_promise<int> failing;
        crocus::future<int> failed = crocus::wrap_future(failing.get_future());
        failing.set_exception(std::make_exception_ptr(std::out_of_range("x")));
        BOOST_CHECK_THROW(failed.get(), std::out_of_range);
    });
}

BOOST_AUTO_TEST_CASE(wrap_future_hands_cancellation_on_both_ways) {  // F15
    crocus::run([] {
        concurrent_promise<int> a;
        crocus::future<int> started = crocus::wrap_future(a.get_future());
        crocus::yield_now();
        started.cancel();
        BOOST_CHECK_THROW(started.get(), crocus::cancelled_error);
        BOOST_TEST(a.get_future().cancelled());

        concurrent_promise<int> b;
        crocus::future<int> unstarted = crocus::wrap_future(b.get_future());
        unstarted.cancel();
        BOOST_CHECK_THROW(unstarted.get(), crocus::cancelled_error);
        crocus::yield_now();
        BOOST_TEST(b.get_future().cancelled());

        concurrent_promise<int> c;
        crocus::future<int> other_way = crocus::wrap_future(c.get_future());
        crocus::yield_now();
        c.get_future().cancel();
        BOOST_CHECK_THROW(other_way.get(), crocus::cancelled_error);
        BOOST_TEST(other_way.cancelled());
    });
}
