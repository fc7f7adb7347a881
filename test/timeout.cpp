#define BOOST_TEST_MODULE timeout
#include <crocus/timeout.hpp>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::timeout_scope;
using crocus::with_timeout;
using crocus::test::advance;
using crocus::test::cancellation_of;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

crocus::time_point now() { return event_loop::current().now(); }
int cancelling() { return crocus::current_task().cancelling(); }
void sleep_long() { crocus::sleep(1h); }

}  // namespace

// ---------------------------------------------------------------------------------------------------------- the basics

BOOST_AUTO_TEST_CASE(what_ends_in_time_gives_its_value) {  // C24, T40
    run_virtual([] {
        const auto start = now();
        BOOST_TEST(with_timeout(1s, [] {
                       crocus::sleep(10ms);
                       return 5;
                   }) == 5);
        BOOST_TEST((now() - start == 10ms));
        crocus::sleep(2s);  // the limit does not come after all (T47)
        BOOST_TEST(cancelling() == 0);

        int target = 0;
        with_timeout(1s, [&]() -> int& { return target; }) = 3;
        BOOST_TEST(target == 3);
        BOOST_TEST(*with_timeout(1s, [] { return std::make_unique<int>(4); }) == 4);
        with_timeout(1s, [] {});
        struct pinned {
            pinned() = default;
            pinned(const pinned&) = delete;
            int value = 6;
        };
        BOOST_TEST(with_timeout(1s, [] { return pinned(); }).value == 6);
    });
}

BOOST_AUTO_TEST_CASE(what_takes_too_long_is_cancelled_and_timeout_error_is_thrown) {  // T40, T42
    run_virtual([] {
        const auto start = now();
        std::string log;
        BOOST_CHECK_EXCEPTION(with_timeout(10ms,
                                           [&](timeout_scope& limit) {
                                               BOOST_TEST(!limit.expired());
                                               log += cancellation_of(sleep_long);
                                               BOOST_TEST(limit.expired());
                                               BOOST_TEST(cancelling() == 1);
                                               throw crocus::cancelled_error();
                                           }),
                              crocus::timeout_error, [](const auto& e) { return contains(e.what(), "timeout.cpp:"); });
        BOOST_TEST(log.empty());  // the request has no message
        BOOST_TEST((now() - start == 10ms));
        BOOST_TEST(cancelling() == 0);
        crocus::sleep(1ms);
    });
}

BOOST_AUTO_TEST_CASE(it_works_in_tasks_in_the_main_flow_and_not_in_callbacks) {  // T40
    run_virtual([] {
        auto t = create_task([] { with_timeout(1ms, sleep_long); });
        BOOST_CHECK_THROW(t.get(), crocus::timeout_error);
        BOOST_TEST(!t.cancelled());
        bool threw = false;
        event_loop::current().call_soon([&] {
            try {
                with_timeout(1ms, [] {});
            } catch (const crocus::cannot_suspend&) {
                threw = true;
            }
        });
        crocus::yield_now();
        BOOST_TEST(threw);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_may_be_a_time_or_none) {  // T40
    run_virtual([] {
        const auto start = now();
        BOOST_CHECK_THROW(crocus::timeout_at(start + 5ms, sleep_long), crocus::timeout_error);
        BOOST_TEST((now() - start == 5ms));
        BOOST_TEST(with_timeout(crocus::no_limit, [](timeout_scope& limit) {
            BOOST_TEST(!limit.when().has_value());
            crocus::sleep(100h);
            return !limit.expired();
        }));
        BOOST_TEST(crocus::timeout_at(std::nullopt, [] { return 1; }) == 1);
        with_timeout(crocus::duration::max(), [] { crocus::sleep(100h); });
        BOOST_CHECK_THROW(with_timeout(crocus::duration::min(), sleep_long), crocus::timeout_error);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_in_the_past_lets_the_body_run_to_its_first_wait) {  // T41
    run_virtual([] {
        for (const auto limit : {0s, -1s}) {
            std::string log;
            BOOST_CHECK_THROW(with_timeout(limit,
                                           [&](timeout_scope& scope) {
                                               BOOST_TEST(scope.expired());
                                               log += "ran ";
                                               crocus::sleep(0s);
                                               log += "not here";
                                           }),
                              crocus::timeout_error);
            BOOST_TEST(log == "ran ");
            BOOST_CHECK_THROW(crocus::timeout_at(now() + limit, [] { crocus::yield_now(); }), crocus::timeout_error);
            BOOST_TEST(with_timeout(limit, [] { return 1; }) == 1);  // it never waits
            BOOST_TEST(cancelling() == 0);
            crocus::yield_now();
        }
    });
}

BOOST_AUTO_TEST_CASE(a_body_that_computes_past_the_limit_and_does_not_wait_is_not_disturbed) {  // T47
    run_virtual([] {
        BOOST_TEST(with_timeout(1ms, [] {
                       advance(5ms);
                       return 1;
                   }) == 1);
        crocus::yield_now();
        crocus::sleep(1ms);
        BOOST_CHECK_THROW(with_timeout(1ms,
                                       [] {
                                           advance(5ms);
                                           crocus::sleep(1ms);
                                       }),
                          crocus::timeout_error);
    });
}

BOOST_AUTO_TEST_CASE(other_exceptions_of_the_body_are_thrown_before_the_limit_and_after) {  // T43
    run_virtual([] {
        BOOST_CHECK_THROW(with_timeout(1s, [] { throw std::runtime_error("early"); }), std::runtime_error);
        BOOST_CHECK_EXCEPTION(with_timeout(1ms,
                                           [] {
                                               cancellation_of(sleep_long);
                                               throw std::logic_error("late");
                                           }),
                              std::logic_error, [](const auto& e) { return e.what() == std::string("late"); });
        BOOST_TEST(cancelling() == 0);
        crocus::sleep(2s);
    });
}

BOOST_AUTO_TEST_CASE(a_body_that_swallows_the_request_and_returns_gives_its_value) {  // T45
    run_virtual([] {
        const auto [value, expired] = with_timeout(1ms, [](timeout_scope& limit) {
            cancellation_of(sleep_long);
            crocus::sleep(1s);  // it comes once
            return std::pair(7, limit.expired());
        });
        BOOST_TEST(value == 7);
        BOOST_TEST(expired);
        BOOST_TEST(cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_error_that_is_nobodys_request_passes_before_the_limit) {  // T42, T13
    run_virtual([] {
        BOOST_TEST(cancellation_of([] { with_timeout(1s, [] { throw crocus::cancelled_error("own"); }); }) == "own");
        auto inner = create_task(sleep_long);
        inner.cancel("inner");
        BOOST_TEST(cancellation_of([&] { with_timeout(1s, [&] { inner.get(); }); }) == "inner");
    });
}

// ---------------------------------------------------------------------------------------------------------
// rescheduling

BOOST_AUTO_TEST_CASE(a_limit_can_be_moved_while_it_has_not_passed) {  // T46
    run_virtual([] {
        const auto start = now();
        BOOST_CHECK_THROW(with_timeout(10ms,
                                       [&](timeout_scope& limit) {
                                           BOOST_TEST((limit.when() == start + 10ms));
                                           limit.reschedule(start + 20ms);
                                           BOOST_TEST((limit.when() == start + 20ms));
                                           crocus::sleep(15ms);
                                           limit.reschedule(std::nullopt);
                                           crocus::sleep(1h);
                                           limit.reschedule(now() + 5ms);
                                           crocus::sleep(1h);
                                       }),
                          crocus::timeout_error);
        BOOST_TEST((now() - start == 1h + 20ms));
        with_timeout(crocus::no_limit, [&](timeout_scope& limit) {
            limit.reschedule(now() - 1ms);
            BOOST_TEST(limit.expired());
            BOOST_CHECK_THROW(limit.reschedule(now() + 1s), crocus::usage_error);
            BOOST_CHECK_THROW(crocus::yield_now(), crocus::cancelled_error);
        });
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(another_task_can_move_the_limit_and_end_the_wait) {  // T46
    run_virtual([] {
        const auto start = now();
        timeout_scope* limit = nullptr;
        auto other = create_task([&] {
            crocus::sleep(5ms);
            limit->reschedule(now());
        });
        BOOST_CHECK_THROW(with_timeout(1h,
                                       [&](timeout_scope& scope) {
                                           limit = &scope;
                                           sleep_long();
                                       }),
                          crocus::timeout_error);
        BOOST_TEST((now() - start == 5ms));
        other.get();
    });
}

// ------------------------------------------------------------------------------------------------------- move_on_after

BOOST_AUTO_TEST_CASE(move_on_after_gives_an_optional) {
    run_virtual([] {
        using crocus::move_on_after;
        static_assert(std::is_same_v<decltype(move_on_after(1s, [] { return 1; })), std::optional<int>>);
        static_assert(std::is_same_v<decltype(move_on_after(1s, [](timeout_scope&) {})), bool>);
        BOOST_TEST((move_on_after(1s, [] { return 1; }) == 1));
        BOOST_TEST(!move_on_after(1ms, [] {
                        sleep_long();
                        return 1;
                    }).has_value());
        BOOST_TEST(move_on_after(1s, [] {}));
        BOOST_TEST(!move_on_after(1ms, sleep_long));
        BOOST_TEST(!crocus::move_on_at(now() + 1ms, sleep_long));
        int target = 0;
        move_on_after(1s, [&]() -> int& { return target; })->get() = 2;
        BOOST_TEST(target == 2);
        BOOST_TEST(**move_on_after(1s, [] { return std::make_unique<int>(3); }) == 3);
        BOOST_TEST(cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(move_on_after_takes_its_own_limit_for_its_own_only) {
    run_virtual([] {
        BOOST_CHECK_THROW(crocus::move_on_after(1s, [] { with_timeout(1ms, sleep_long); }), crocus::timeout_error);
        auto t = create_task([] { crocus::move_on_after(1s, sleep_long); });
        crocus::yield_now();
        t.cancel("stop");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "stop");
    });
}

// ------------------------------------------------------------------------------------------------------------ wait_for

BOOST_AUTO_TEST_CASE(wait_for_gives_what_comes_in_time) {  // T27
    run_virtual([] {
        auto t = create_task([] {
            crocus::sleep(1ms);
            return 1;
        });
        BOOST_TEST(crocus::wait_for(t, 1s) == 1);
        crocus::future<int> f;
        f.set_result(2);
        BOOST_TEST(crocus::wait_for(f, 1s) == 2);
        BOOST_TEST(crocus::wait_for([] { return 3; }, 1s) == 3);
        BOOST_TEST(crocus::wait_for(crocus::coroutine<int>([] { return 4; }), 1s) == 4);
        BOOST_TEST(crocus::wait_for(create_task([] { return std::make_unique<int>(5); }), crocus::no_limit) != nullptr);
        BOOST_CHECK_THROW(crocus::wait_for([] { throw std::runtime_error("x"); }, 1s), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(wait_for_waits_until_what_it_cancelled_has_ended) {  // T27
    run_virtual([] {
        bool cleaned_up = false;
        auto t = create_task([&] {
            try {
                sleep_long();
            } catch (const crocus::cancelled_error&) {
                crocus::sleep(5ms);
                cleaned_up = true;
                throw;
            }
        });
        BOOST_CHECK_THROW(crocus::wait_for(t, 1ms), crocus::timeout_error);
        BOOST_TEST(cleaned_up);
        BOOST_TEST(t.cancelled());
        crocus::future<int> f;
        BOOST_CHECK_THROW(crocus::wait_for(f, 1ms), crocus::timeout_error);
        BOOST_TEST(f.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(wait_for_takes_what_the_cancelled_one_makes_of_it) {  // T27
    run_virtual([] {
        auto returns = create_task([] {
            cancellation_of(sleep_long);
            return 6;
        });
        BOOST_TEST(crocus::wait_for(returns, 1ms) == 6);
        auto throws = create_task([] {
            cancellation_of(sleep_long);
            throw std::runtime_error("while it was cancelled");
        });
        BOOST_CHECK_THROW(crocus::wait_for(throws, 1ms), std::runtime_error);
        BOOST_TEST(cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(cancelling_who_waits_for_something_cancels_that_and_is_no_timeout) {  // T27
    run_virtual([] {
        auto inner = create_task(sleep_long);
        auto outer = create_task([&] { crocus::wait_for(inner, 10s); });
        crocus::yield_now();
        outer.cancel("stop");
        BOOST_TEST(cancellation_of([&] { outer.get(); }) == "stop");
        BOOST_TEST(inner.cancelled());
    });
}

// T27, and the deviation of T6
BOOST_AUTO_TEST_CASE(a_result_that_came_before_the_cancellation_is_returned_and_the_cancellation_comes_next) {
    run_virtual([] {
        crocus::future<int> f;
        auto t = create_task([&] {
            const int value = crocus::wait_for(f, 1s);
            return std::to_string(value) + ' ' + cancellation_of([] { crocus::yield_now(); });
        });
        crocus::yield_now();
        f.set_result(1);
        t.cancel("late");
        BOOST_TEST(t.get() == "1 late");
    });
}

BOOST_AUTO_TEST_CASE(wait_for_no_time_takes_what_is_there_and_begins_nothing) {  // T28
    run_virtual([] {
        for (const auto limit : {0s, -1s}) {
            crocus::future<int> done;
            done.set_result(1);
            BOOST_TEST(crocus::wait_for(done, limit) == 1);
            crocus::future<int> pending;
            BOOST_CHECK_THROW(crocus::wait_for(pending, limit), crocus::timeout_error);
            BOOST_TEST(pending.cancelled());

            bool began = false;
            BOOST_CHECK_THROW(crocus::wait_for([&] { began = true; }, limit), crocus::timeout_error);
            crocus::coroutine<> c([&] { began = true; });
            BOOST_CHECK_THROW(crocus::wait_for(c, limit), crocus::timeout_error);
            BOOST_TEST((c.status() == crocus::coroutine_status::closed));
            auto unstarted = create_task([&] { began = true; });
            BOOST_CHECK_THROW(crocus::wait_for(unstarted, limit), crocus::timeout_error);
            BOOST_TEST(!began);

            bool ended = false;
            auto running = create_task([&] {
                cancellation_of(sleep_long);
                crocus::sleep(1ms);
                ended = true;
                return 2;
            });
            crocus::yield_now();
            BOOST_TEST(crocus::wait_for(running, limit) == 2);
            BOOST_TEST(ended);
        }
    });
}
