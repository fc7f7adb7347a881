#define BOOST_TEST_MODULE wait_shield
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::future;
using crocus::shield;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(shield_gives_the_result) {  // T30
    run_virtual([] {
        future<int> done;
        done.set_result(1);
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        BOOST_TEST(shield(done) == 1);
        BOOST_TEST(!other_ran);  // what is done needs no wait (I4)
        BOOST_TEST(*shield(create_task([] { return std::make_unique<int>(2); })) == 2);
        int target = 0;
        shield(create_task([&]() -> int& { return target; })) = 3;
        BOOST_TEST(target == 3);
        shield(other);
        BOOST_CHECK_THROW(shield(create_task([] { throw std::runtime_error("x"); })), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_caller_leaves_the_shielded_task_running) {  // T14, T30
    run_virtual([] {
        auto inner = create_task([] {
            crocus::sleep(2ms);
            return 1;
        });
        auto caller = create_task([&] {
            const auto message = cancellation_of([&] { shield(inner); });
            BOOST_TEST(crocus::current_task().cancelling() == 1);
            BOOST_TEST(!inner.done());
            return message;
        });
        crocus::sleep(1ms);
        caller.cancel("stop");
        BOOST_TEST(caller.get() == "stop");
        BOOST_TEST(inner.cancelling() == 0);
        BOOST_TEST(inner.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_request_that_came_before_ends_the_wait_alone) {  // T8, T30
    run_virtual([] {
        future<void> inner;
        auto caller = create_task([&] {
            crocus::current_task().cancel("before");
            shield(inner);
        });
        BOOST_TEST(cancellation_of([&] { caller.get(); }) == "before");
        BOOST_TEST(!inner.done());
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_inner_task_cancels_who_waits) {  // T13, T30
    run_virtual([] {
        auto inner = create_task([] { crocus::sleep(1h); });
        auto caller = create_task([&] {
            const auto message = cancellation_of([&] { shield(inner); });
            BOOST_TEST(crocus::current_task().cancelling() == 0);
            return message;
        });
        crocus::sleep(1ms);
        inner.cancel("inner");
        BOOST_TEST(caller.get() == "inner");
    });
}

BOOST_AUTO_TEST_CASE(a_failure_after_all_callers_were_cancelled_is_reported_once) {  // T30
    run_virtual([] {
        const auto reports = collect_reports();
        auto inner = create_task([] {
            crocus::sleep(2ms);
            throw std::runtime_error("x");
        });
        const auto waits = [&] { shield(inner); };
        auto one = create_task(waits), two = create_task(waits);
        crocus::sleep(1ms);
        one.cancel();
        two.cancel();
        crocus::sleep(2ms);
        BOOST_TEST(reports->size() == 1U);  // now, though there is a handle
        BOOST_TEST(contains(reports->front(), "exception in a shielded future"));
        BOOST_TEST(contains(reports->front(), "runtime_error: x"));
        BOOST_CHECK_THROW(inner.get(), std::runtime_error);  // it is still there
        BOOST_TEST(reports->size() == 1U);
    });
    run_virtual([] {
        const auto reports = collect_reports();
        {
            future<int> inner;
            auto caller = create_task([inner] { shield(inner); });
            crocus::yield_now();
            caller.cancel();
            crocus::yield_now();
            inner.set_exception(std::make_exception_ptr(std::runtime_error("x")));
        }
        crocus::yield_now();
        BOOST_TEST(reports->size() == 1U);  // not a second time as the last handle goes
    });
}

BOOST_AUTO_TEST_CASE(a_failure_that_somebody_else_awaits_or_a_cancellation_is_not_reported) {  // T30, and its deviation
    run_virtual([] {
        const auto reports = collect_reports();
        auto inner = create_task([] {
            crocus::sleep(2ms);
            throw std::runtime_error("x");
        });
        auto cancelled = create_task([] { crocus::sleep(1h); });
        auto caller = create_task([&] { shield(inner); });
        auto other = create_task([&] { shield(cancelled); });
        crocus::sleep(1ms);
        caller.cancel();
        other.cancel();
        crocus::yield_now();
        cancelled.cancel();
        BOOST_CHECK_THROW(inner.get(), std::runtime_error);
        crocus::yield_now();
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(shielded_parts_of_a_cancelled_gather_go_on) {  // T30
    run_virtual([] {
        const auto value_later = [](int n) {
            return create_task([n] {
                crocus::sleep(2ms);
                return n;
            });
        };
        auto a = value_later(1), b = value_later(2);
        auto caller = create_task([&] { crocus::gather([&] { return shield(a); }, [&] { return shield(b); }); });
        crocus::sleep(1ms);
        caller.cancel();
        BOOST_CHECK_THROW(caller.get(), crocus::cancelled_error);
        BOOST_TEST(a.get() + b.get() == 3);
    });
}

BOOST_AUTO_TEST_CASE(a_shielded_task_cannot_be_the_one_that_waits) {  // T3
    run_virtual([] {
        std::vector<crocus::task<void>> self;
        self.push_back(create_task([&] { BOOST_CHECK_THROW(shield(self[0]), crocus::usage_error); }));
        self[0].get();
    });
}
