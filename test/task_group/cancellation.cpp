// Groups of tasks beside other requests to cancel, groups within groups, and groups that are ended early.
#define BOOST_TEST_MODULE task_group_cancellation
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include <crocus/error.hpp>
#include <crocus/task_group.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

#include "support/group_outcome.hpp"
#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::task_group;
using crocus::with_task_group;
using crocus::with_timeout;
using crocus::test::cancellation_of;
using crocus::test::group_outcome;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

int cancelling() { return crocus::current_task().cancelling(); }
void sleep_long() { crocus::sleep(1h); }
std::string next_wait() {
    return group_outcome([] { crocus::yield_now(); });
}

/// Cleans up for so long when it is cancelled, and logs that and the message.
auto cleans_up(std::string& log, int ms) {
    return [&log, ms] {
        log += cancellation_of(sleep_long) + ' ';
        crocus::sleep(ms * 1ms);
        log += std::to_string(ms) + ' ';
        throw crocus::cancelled_error();
    };
}

}  // namespace

// ---------------------------------------------------------------------------------------------- the caller's
// cancellation

BOOST_AUTO_TEST_CASE(cancelling_who_waits_for_a_group_cancels_its_tasks_and_waits_for_them) {  // T36
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            with_task_group([&](task_group& group) {
                group.create_task(cleans_up(log, 1));
                group.create_task(cleans_up(log, 2));
            });
        });
        crocus::sleep(1ms);
        t.cancel("stop");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "stop");
        BOOST_TEST(log == "stop stop 1 2 ");
        BOOST_TEST(t.cancelling() == 1);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(cancelling_the_body_of_a_group_does_the_same) {  // T36
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            with_task_group([&](task_group& group) {
                group.create_task(cleans_up(log, 1));
                sleep_long();
            });
        });
        crocus::sleep(1ms);
        t.cancel("stop");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "stop");
        BOOST_TEST(log == "stop 1 ");
        BOOST_TEST(t.cancelling() == 1);
    });
}

BOOST_AUTO_TEST_CASE(further_cancellations_while_the_tasks_clean_up_do_not_end_the_wait) {  // T36
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            BOOST_TEST(group_outcome([&] {
                           with_task_group([&](task_group& group) { group.create_task(cleans_up(log, 5)); });
                       }) == "cancelled three");
            BOOST_TEST(log == "one 5 ");
            BOOST_TEST(cancelling() == 3);
            BOOST_TEST(next_wait() == "returned");
        });
        crocus::sleep(1ms);
        for (const char* message : {"one", "two", "three"}) {
            t.cancel(message);
            crocus::sleep(1ms);
        }
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(failures_win_and_the_cancellation_comes_at_the_next_wait) {  // T36
    run_virtual([] {
        for (const bool in_body : {true, false}) {
            auto t = create_task([&] {
                BOOST_TEST(group_outcome([&] {
                               with_task_group([&](task_group& group) {
                                   group.create_task([] {
                                       cancellation_of(sleep_long);
                                       throw std::runtime_error("in the clean-up");
                                   });
                                   if (in_body) sleep_long();
                               });
                           }) == "[in the clean-up]");
                BOOST_TEST(cancelling() == 1);
                BOOST_TEST(next_wait() == "cancelled stop");
                BOOST_TEST(cancelling() == 1);
            });
            crocus::sleep(1ms);
            t.cancel("stop");
            t.get();
        }
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_was_dealt_with_before_does_not_come_again) {  // T33
    run_virtual([] {
        auto t = create_task([] {
            cancellation_of(sleep_long);
            BOOST_TEST(group_outcome([] {
                           with_task_group([](task_group& group) {
                               group.create_task([] { throw std::runtime_error("broken"); });
                               sleep_long();
                           });
                       }) == "[broken]");
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(next_wait() == "returned");
        });
        crocus::yield_now();
        t.cancel("before");
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(a_failure_and_a_cancellation_at_the_same_moment_are_both_seen) {  // T33, T36
    run_virtual([] {
        auto t = create_task([&] {
            BOOST_TEST(group_outcome([&] {
                           with_task_group([&](task_group& group) {
                               group.create_task([&] {
                                   crocus::sleep(1ms);
                                   throw std::runtime_error("broken");
                               });
                               sleep_long();
                           });
                       }) == "[broken]");
            BOOST_TEST(cancelling() == 1);
            BOOST_TEST(next_wait() == "cancelled stop");
        });
        crocus::yield_now();
        event_loop::current().call_later(1ms, [&] { t.cancel("stop"); });
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(a_result_with_the_cancellation_after_it_is_returned) {  // T6
    run_virtual([] {
        crocus::task<void>* outer = nullptr;
        auto t = create_task([&] {
            const int value = with_task_group([&](task_group& group) {
                group.create_task([&] { static_cast<void>(create_task([&] { outer->cancel("late"); })); });
                return 5;
            });
            BOOST_TEST(value == 5);
            BOOST_TEST(next_wait() == "cancelled late");
        });
        outer = &t;
        t.get();
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(in_a_hold_requests_from_outside_wait_and_failures_end_the_group_all_the_same) {  // T33
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            crocus::defer_cancellation([&] {
                log += group_outcome([&] {
                    with_task_group([&](task_group& group) {
                        group.create_task([] {
                            crocus::sleep(10ms);
                            throw std::runtime_error("broken");
                        });
                        sleep_long();
                    });
                });
            });
            log += ' ' + next_wait();
        });
        crocus::sleep(5ms);
        t.cancel("held");
        t.get();
        BOOST_TEST(log == "[broken] cancelled held");
    });
}

// -------------------------------------------------------------------------------------------------- groups within
// groups

BOOST_AUTO_TEST_CASE(a_group_that_fails_within_another_is_one_of_its_failures) {  // T37
    run_virtual([] {
        const auto fails = [](const char* what) { return [what] { throw std::runtime_error(what); }; };
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& outer) {
                           outer.create_task(sleep_long);
                           with_task_group([&](task_group& inner) { inner.create_task(fails("inner")); });
                       });
                   }) == "[[inner]]");
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& outer) {
                           outer.create_task(
                               [&] { with_task_group([&](task_group& inner) { inner.create_task(fails("inner")); }); });
                           outer.create_task(sleep_long);
                       });
                   }) == "[[inner]]");
        BOOST_TEST(cancelling() == 0);
        BOOST_TEST(next_wait() == "returned");
    });
}

BOOST_AUTO_TEST_CASE(both_of_two_nested_groups_may_fail_and_the_counts_stay) {  // T37
    run_virtual([] {
        const auto fails_at = [](int ms, const char* what) {
            return [=] {
                crocus::sleep(ms * 1ms);
                throw std::runtime_error(what);
            };
        };
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& outer) {
                           outer.create_task(fails_at(1, "outer"));
                           with_task_group([&](task_group& inner) {
                               inner.create_task(fails_at(1, "inner"));
                               sleep_long();
                           });
                       });
                   }) == "[outer, [inner]]");
        BOOST_TEST(cancelling() == 0);
        BOOST_TEST(next_wait() == "returned");
        std::string log;
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& outer) {
                           outer.create_task(fails_at(1, "outer"));
                           with_task_group([&](task_group& inner) {
                               inner.create_task(cleans_up(log, 5));
                               sleep_long();
                           });
                       });
                   }) == "[outer]");
        BOOST_TEST(log.ends_with("5 "));
        BOOST_TEST(cancelling() == 0);
    });
}

// ----------------------------------------------------------------------------------------------------- ended early

BOOST_AUTO_TEST_CASE(a_group_can_be_cancelled_which_is_no_failure) {  // T39
    run_virtual([] {
        for (const bool by_body : {true, false}) {
            std::string log;
            with_task_group([&](task_group& group) {
                group.create_task(cleans_up(log, 1));
                if (!by_body)
                    group.create_task([&] {
                        crocus::sleep(1ms);
                        group.cancel("enough");
                        group.cancel("again");  // does nothing
                    });
                crocus::sleep(1ms);
                if (by_body) group.cancel("enough");
                sleep_long();
                log += "the body went on";
            });
            BOOST_TEST(log == "enough 1 ");
            BOOST_TEST(cancelling() == 0);
            BOOST_TEST(next_wait() == "returned");
        }
    });
}

BOOST_AUTO_TEST_CASE(a_group_that_was_cancelled_returns_what_its_body_made_of_it) {  // T39
    run_virtual([] {
        BOOST_TEST(with_task_group([](task_group& group) {
                       group.create_task(sleep_long);
                       group.cancel();
                       return 1;  // it never waits
                   }) == 1);
        BOOST_TEST(next_wait() == "returned");
        BOOST_TEST(with_task_group([](task_group& group) {
                       group.create_task([&] { group.cancel(); });
                       return 2;  // it waits for its tasks only
                   }) == 2);
        BOOST_TEST(!with_task_group([](task_group& group) -> std::optional<int> {
                        group.cancel();
                        crocus::yield_now();
                        return 3;
                    }).has_value());
        BOOST_CHECK_THROW(with_task_group([](task_group& group) {
                              group.cancel();
                              crocus::yield_now();
                              return 4;
                          }),
                          crocus::exception_suppressed);
        BOOST_TEST(group_outcome([] {
                       with_task_group([](task_group& group) {
                           group.create_task([] {
                               cancellation_of(sleep_long);
                               throw std::runtime_error("in the clean-up");
                           });
                           crocus::yield_now();
                           group.cancel();
                       });
                   }) == "[in the clean-up]");
        BOOST_TEST(cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_comes_while_a_cancelled_group_ends_is_not_swallowed) {  // T39
    run_virtual([] {
        for (const bool in_body : {true, false}) {
            std::string log;
            auto t = create_task([&] {
                BOOST_TEST(group_outcome([&] {
                               with_task_group([&](task_group& group) {
                                   group.create_task(cleans_up(log, 5));
                                   crocus::sleep(1ms);
                                   group.cancel("enough");
                                   if (in_body) sleep_long();
                               });
                           }) == "cancelled stop");
                BOOST_TEST(cancelling() == 1);
                BOOST_TEST(next_wait() == "returned");
            });
            crocus::sleep(3ms);
            t.cancel("stop");
            t.get();
            BOOST_TEST(log == "enough 5 ");
        }
    });
}

BOOST_AUTO_TEST_CASE(a_time_limit_that_passes_while_a_cancelled_group_ends_is_a_timeout) {  // T39, T43
    run_virtual([] {
        std::string log;
        BOOST_TEST(group_outcome([&] {
                       with_timeout(3ms, [&] {
                           with_task_group([&](task_group& group) {
                               group.create_task(cleans_up(log, 5));
                               crocus::sleep(1ms);
                               group.cancel("enough");
                           });
                       });
                   }) == "timeout");
        BOOST_TEST(cancelling() == 0);
    });
}

// ------------------------------------------------------------------------------------------------- with time limits

BOOST_AUTO_TEST_CASE(a_time_limit_around_a_group_ends_its_tasks) {  // T43
    run_virtual([] {
        std::string log;
        BOOST_TEST(group_outcome([&] {
                       with_timeout(1ms, [&] {
                           with_task_group([&](task_group& group) {
                               group.create_task(cleans_up(log, 1));
                               group.create_task(cleans_up(log, 2));
                           });
                       });
                   }) == "timeout");
        BOOST_TEST(log == "  1 2 ");
        BOOST_TEST(group_outcome([&] {
                       with_timeout(1ms, [&] {
                           with_task_group([&](task_group& group) {
                               group.create_task([] {
                                   cancellation_of(sleep_long);
                                   throw std::runtime_error("failed meanwhile");
                               });
                           });
                       });
                   }) == "[failed meanwhile]");
        BOOST_TEST(cancelling() == 0);
        BOOST_TEST(next_wait() == "returned");
    });
}

BOOST_AUTO_TEST_CASE(a_time_limit_inside_a_group_is_a_failure_where_it_is_not_caught) {  // T43
    run_virtual([] {
        const auto limited = [] { with_timeout(1ms, sleep_long); };
        bool is_timeout = false;
        try {
            with_task_group([&](task_group& group) {
                group.create_task(limited);
                group.create_task(sleep_long);
            });
        } catch (const crocus::exception_group& e) {
            is_timeout = e.subgroup<crocus::timeout_error>().exceptions().size() == 1;
        }
        BOOST_TEST(is_timeout);
        with_task_group([&](task_group&) { BOOST_CHECK_THROW(limited(), crocus::timeout_error); });
        BOOST_TEST(cancelling() == 0);
    });
}
