// Time limits beside other requests to cancel: whose is whose, and none is lost or made up.
#define BOOST_TEST_MODULE timeout_cancellation
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::defer_cancellation;
using crocus::event_loop;
using crocus::timeout_scope;
using crocus::with_timeout;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

crocus::time_point now() { return event_loop::current().now(); }
int cancelling() { return crocus::current_task().cancelling(); }
void sleep_long() { crocus::sleep(1h); }

/// "timeout", "cancelled MESSAGE" or "returned".
template <class F>
std::string outcome_of(F f) {
    try {
        f();
        return "returned";
    } catch (const crocus::timeout_error&) {
        return "timeout";
    } catch (const crocus::cancelled_error& e) {
        return "cancelled " + e.message();
    }
}

/// What the next wait raises, if anything.
std::string next_wait() {
    return outcome_of([] { crocus::yield_now(); });
}

/// Calls f when it is destroyed.
template <class F>
struct at_end {
    F f;
    ~at_end() { f(); }
};
template <class F>
at_end(F) -> at_end<F>;

/// As while an exception unwinds: f runs in a destructor.
template <class F>
void unwinding(F f) {
    try {
        const at_end last{f};
        throw std::runtime_error("unwinding");
    } catch (const std::runtime_error&) {
    }
}

}  // namespace

// ------------------------------------------------------------------------------------------------ others'
// cancellations

BOOST_AUTO_TEST_CASE(a_cancellation_before_the_limit_is_no_timeout) {  // T42
    run_virtual([] {
        auto t = create_task([] { with_timeout(10ms, sleep_long); });
        crocus::sleep(5ms);
        t.cancel("stop");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "stop");
        BOOST_TEST(t.cancelling() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_comes_while_the_body_ends_by_the_limit_stays_one_and_comes_once) {  // T42
    run_virtual([] {
        // at the same moment, after the limit
        std::string log;
        auto t = create_task([&] {
            log = outcome_of([] { with_timeout(10ms, sleep_long); });
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(next_wait() == "returned");
        });
        event_loop::current().call_later(10ms, [&] { t.cancel("stop"); });  // runs after the limit, before the task
        t.get();
        BOOST_TEST(log == "cancelled stop");

        // in its clean-up, where it is not held
        auto u = create_task([&] {
            log = outcome_of([] {
                with_timeout(10ms, [] {
                    try {
                        sleep_long();
                    } catch (const crocus::cancelled_error&) {
                        sleep_long();
                    }
                });
            });
            BOOST_TEST(next_wait() == "returned");
        });
        crocus::sleep(15ms);
        u.cancel("stop");
        u.get();
        BOOST_TEST(log == "cancelled stop");

        // in its clean-up, where it is
        auto v = create_task([&] {
            log = outcome_of([] {
                with_timeout(10ms, [] {
                    const at_end slow{[] { crocus::sleep(10ms); }};
                    sleep_long();
                });
            });
            BOOST_TEST(next_wait() == "returned");
        });
        crocus::sleep(15ms);
        v.cancel("stop");
        v.get();
        BOOST_TEST(log == "cancelled stop");
    });
}

BOOST_AUTO_TEST_CASE(a_limit_that_passes_after_the_cancellation_makes_no_timeout_of_it) {  // T42
    run_virtual([] {
        auto t = create_task([] {
            with_timeout(10ms, [] {
                const at_end slow{[] { crocus::sleep(10ms); }};
                sleep_long();
            });
        });
        crocus::sleep(5ms);
        t.cancel("stop");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "stop");
        BOOST_TEST(t.cancelling() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_from_before_that_was_not_delivered_is_not_taken_for_the_limits) {  // T42
    run_virtual([] {
        auto t = create_task([] {
            crocus::current_task().cancel("before");
            BOOST_TEST(outcome_of([] { with_timeout(0s, sleep_long); }) == "cancelled before");
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(next_wait() == "returned");
        });
        t.get();
        // nor is it withdrawn with the limit's, where neither is met
        auto u = create_task([] {
            crocus::current_task().cancel("before");
            BOOST_TEST(with_timeout(0s, [] { return 1; }) == 1);
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(next_wait() == "cancelled before");
        });
        u.get();
    });
}

BOOST_AUTO_TEST_CASE(a_limit_works_in_the_clean_up_after_a_cancellation) {  // T42
    run_virtual([] {
        auto t = create_task([] {
            BOOST_TEST(cancellation_of(sleep_long) == "stop");
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(outcome_of([] { with_timeout(0s, sleep_long); }) == "timeout");
            BOOST_TEST(outcome_of([] { with_timeout(1s, sleep_long); }) == "timeout");
            BOOST_TEST(outcome_of([] {
                           with_timeout(1s, [] {
                               crocus::current_task().cancel("again");
                               sleep_long();
                           });
                       }) == "cancelled again");
            BOOST_TEST(cancelling() == 2);
        });
        crocus::yield_now();
        t.cancel("stop");
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(
    a_limit_that_passes_when_the_result_is_there_does_not_lose_it_and_its_request_is_taken_back) {  // T47
    run_virtual([] {
        for (const int before : {0, 1}) {
            crocus::future<int> f;
            timeout_scope* limit = nullptr;
            auto t = create_task([&] {
                cancellation_of(sleep_long);
                if (before == 0) crocus::current_task().uncancel();
                const int value = with_timeout(10ms, [&](timeout_scope& scope) {
                    limit = &scope;
                    const int got = f.get();
                    BOOST_TEST(scope.expired());
                    BOOST_TEST(cancelling() == before + 1);
                    return got;
                });
                BOOST_TEST(value == 1);
                BOOST_TEST(cancelling() == before);
                BOOST_TEST(next_wait() == "returned");
            });
            crocus::yield_now();
            t.cancel();
            crocus::yield_now();
            f.set_result(1);
            limit->reschedule(now());
            t.get();
        }
    });
}

BOOST_AUTO_TEST_CASE(taking_back_a_request_that_was_the_limits_loses_no_others) {  // T12, T45
    run_virtual([] {
        auto t = create_task([] {
            BOOST_TEST(with_timeout(10ms, [] {
                           cancellation_of(sleep_long);
                           crocus::current_task().uncancel();
                           crocus::current_task().cancel("stop");
                           return 1;
                       }) == 1);
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(next_wait() == "cancelled stop");
        });
        t.get();
        auto u = create_task([] {
            with_timeout(0s, [] {
                crocus::current_task().uncancel();  // it is not delivered then
                BOOST_TEST(next_wait() == "returned");
            });
            BOOST_TEST(cancelling() == 0);
        });
        u.get();
    });
}

// -------------------------------------------------------------------------------------------------------- nested
// limits

BOOST_AUTO_TEST_CASE(of_two_limits_that_pass_together_the_outer_one_is_the_timeout) {  // T44
    run_virtual([] {
        for (const bool outer_first : {true, false}) {
            bool inner_expired = false;
            const auto time = now() + 10ms;
            BOOST_TEST(outcome_of([&] {
                           with_timeout(crocus::no_limit, [&](timeout_scope& outer) {
                               if (outer_first) outer.reschedule(time);
                               const auto inner_outcome = outcome_of([&] {
                                   with_timeout(crocus::no_limit, [&](timeout_scope& inner) {
                                       inner.reschedule(time);
                                       if (!outer_first) outer.reschedule(time);
                                       const at_end look{[&] { inner_expired = inner.expired(); }};
                                       sleep_long();
                                   });
                               });
                               BOOST_TEST(inner_outcome == "cancelled ");
                               BOOST_TEST(outer.expired());
                               throw crocus::cancelled_error();
                           });
                       }) == "timeout");
            BOOST_TEST(inner_expired);
            BOOST_TEST(cancelling() == 0);
            BOOST_TEST(next_wait() == "returned");
        }
    });
}

BOOST_AUTO_TEST_CASE(nested_limits_pass_each_at_its_time) {  // T44
    run_virtual([] {
        const auto start = now();
        BOOST_TEST(outcome_of([&] {
                       with_timeout(50ms, [&] {
                           BOOST_TEST(outcome_of([] { with_timeout(100ms, sleep_long); }) == "cancelled ");
                           throw crocus::cancelled_error();
                       });
                   }) == "timeout");
        BOOST_TEST((now() - start == 50ms));
        BOOST_TEST(outcome_of([&] {
                       with_timeout(50ms, [&] {
                           BOOST_TEST(outcome_of([] { with_timeout(10ms, sleep_long); }) == "timeout");
                           sleep_long();
                       });
                   }) == "timeout");
        BOOST_TEST((now() - start == 100ms));
        BOOST_TEST(!crocus::move_on_after(10ms, [] {
            crocus::move_on_after(20ms, sleep_long);
            BOOST_ERROR("the outer limit has passed");
        }));
        BOOST_TEST(crocus::move_on_after(20ms, [] { BOOST_TEST(!crocus::move_on_after(10ms, sleep_long)); }));
        BOOST_TEST(cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_within_the_handler_of_another_that_has_passed_works) {  // T44
    run_virtual([] {
        BOOST_TEST(outcome_of([] {
                       with_timeout(10ms, [] {
                           try {
                               sleep_long();
                           } catch (const crocus::cancelled_error&) {
                               BOOST_TEST(outcome_of([] { with_timeout(10ms, sleep_long); }) == "timeout");
                               throw;
                           }
                       });
                   }) == "timeout");
        BOOST_TEST(cancelling() == 0);
    });
}

// -------------------------------------------------------------------------------------------- where requests are held

BOOST_AUTO_TEST_CASE(a_limit_outside_does_not_end_a_wait_that_holds_requests) {
    run_virtual([] {
        const auto start = now();
        BOOST_TEST(with_timeout(10ms, [] {
            defer_cancellation([] { crocus::sleep(20ms); });
            return true;
        }));
        BOOST_TEST((now() - start == 20ms));
        BOOST_TEST(cancelling() == 0);
        BOOST_TEST(next_wait() == "returned");
        BOOST_TEST(outcome_of([] {
                       with_timeout(10ms, [] {
                           unwinding([] { crocus::sleep(20ms); });
                           crocus::sleep(0s);
                           BOOST_ERROR("the request was held, and comes at the next wait");
                       });
                   }) == "timeout");
    });
}

BOOST_AUTO_TEST_CASE(a_limit_inside_a_hold_ends_what_waits_there) {
    run_virtual([] {
        const auto start = now();
        auto t = create_task([&] {
            std::string log;
            defer_cancellation([&] { log += outcome_of([] { with_timeout(10ms, sleep_long); }) + ", "; });
            unwinding([&] { log += outcome_of([] { with_timeout(10ms, sleep_long); }) + ", "; });
            unwinding([&] { log += outcome_of([] { with_timeout(0s, sleep_long); }) + ", "; });
            defer_cancellation([&] {
                unwinding([&] {
                    log += crocus::move_on_after(10ms, [] { crocus::future<void>().get(); }) ? "" : "moved on, ";
                });
            });
            BOOST_TEST(cancelling() == 1);
            log += next_wait();
            return log;
        });
        crocus::sleep(5ms);
        t.cancel("held");
        BOOST_TEST(t.get() == "timeout, timeout, timeout, moved on, cancelled held");
        BOOST_TEST((now() - start == 30ms));
    });
}

BOOST_AUTO_TEST_CASE(a_limit_inside_a_hold_does_not_end_a_wait_in_a_further_one) {
    run_virtual([] {
        const auto start = now();
        defer_cancellation([&] {
            BOOST_TEST(outcome_of([&] {
                           with_timeout(10ms, [&] {
                               defer_cancellation([] { crocus::sleep(20ms); });
                               unwinding([] { crocus::sleep(20ms); });
                               BOOST_TEST((now() - start == 40ms));
                               crocus::sleep(0s);
                               BOOST_ERROR("here it is not held");
                           });
                       }) == "timeout");
        });
        unwinding([&] {
            BOOST_TEST(outcome_of([&] {
                           with_timeout(10ms, [&] {
                               unwinding([] { crocus::sleep(20ms); });
                               crocus::sleep(0s);
                               BOOST_ERROR("here it is not held");
                           });
                       }) == "timeout");
        });
        BOOST_TEST((now() - start == 60ms));
        BOOST_TEST(next_wait() == "returned");
    });
}

BOOST_AUTO_TEST_CASE(limits_outside_and_inside_a_hold_do_not_meet) {  // T44
    run_virtual([] {
        std::string log;
        BOOST_TEST(outcome_of([&] {
                       with_timeout(10ms, [&] {
                           defer_cancellation([&] {
                               log += outcome_of([] { with_timeout(20ms, sleep_long); });
                               log +=
                                   ' ' + outcome_of([] { with_timeout(10ms, [] { with_timeout(10ms, sleep_long); }); });
                           });
                           sleep_long();
                       });
                   }) == "timeout");
        BOOST_TEST(log == "timeout timeout");
        BOOST_TEST(cancelling() == 0);
        BOOST_TEST(next_wait() == "returned");
    });
}

// ------------------------------------------------------------------------------------------- generators and coroutines

BOOST_AUTO_TEST_CASE(a_generator_cannot_yield_out_of_a_limit) {  // users' T13
    run_virtual([] {
        crocus::generator<int> g([](auto& yield) {
            BOOST_CHECK_THROW(with_timeout(1s, [&] { yield(1); }), crocus::yield_across_scope);
            BOOST_CHECK_THROW(crocus::move_on_after(1s, [&] { yield(1); }), crocus::yield_across_scope);
            yield(2);
        });
        BOOST_TEST(*g.next() == 2);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_in_a_generator_holds_for_what_its_body_waits_for) {
    run_virtual([] {
        crocus::generator<std::string> g([](auto& yield) {
            yield(outcome_of([] { with_timeout(1ms, sleep_long); }));
            yield("next");
        });
        for (int i = 0; auto& text : g) BOOST_TEST(text == (i++ == 0 ? "timeout" : "next"));
        BOOST_TEST(cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_around_a_generator_holds_for_what_its_body_waits_for) {
    run_virtual([] {
        crocus::generator<int> g([](auto& yield) {
            yield(1);
            sleep_long();
        });
        int sum = 0;
        BOOST_CHECK_THROW(with_timeout(1ms,
                                       [&] {
                                           for (int i : g) sum += i;
                                       }),
                          crocus::timeout_error);
        BOOST_TEST(sum == 1);
        // also where it is inside a hold
        defer_cancellation([] {
            crocus::generator<int> slow([](auto& yield) {
                sleep_long();
                yield(1);
            });
            BOOST_TEST(!crocus::move_on_after(1ms, [&] { slow.next(); }));
        });
    });
}

BOOST_AUTO_TEST_CASE(a_limit_in_a_coroutine_that_is_driven_by_hand_ends_its_wait) {
    run_virtual([] {
        crocus::coroutine<std::string> c([] {
            std::string log = outcome_of([] { with_timeout(5ms, sleep_long); });
            return log + ' ' + outcome_of([] { with_timeout(0s, [] { crocus::yield_now(); }); });
        });
        auto s = c.send();
        BOOST_REQUIRE(s.yielded());
        s->await();
        BOOST_TEST(c.send().result() == "timeout timeout");
        BOOST_TEST(cancelling() == 0);
        // closed inside its limit, whose timer goes with it
        crocus::coroutine<> left([] { with_timeout(5ms, sleep_long); });
        left.send();
        left.close();
        crocus::sleep(10ms);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_of_the_driver_does_not_reach_the_coroutine_that_it_drives) {
    run_virtual([] {
        crocus::coroutine<> c(sleep_long);
        BOOST_CHECK_THROW(with_timeout(5ms, [&] { c.send()->await(); }), crocus::timeout_error);
        BOOST_TEST((c.status() == crocus::coroutine_status::suspended));
    });
}
