#define BOOST_TEST_MODULE task_group
#include <crocus/task_group.hpp>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

#include "support/group_outcome.hpp"
#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::event_loop;
using crocus::task_group;
using crocus::with_task_group;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::contains;
using crocus::test::group_outcome;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

crocus::time_point now() { return event_loop::current().now(); }
void sleep_long() { crocus::sleep(1h); }

}  // namespace

// ---------------------------------------------------------------------------------------------------------- the basics

BOOST_AUTO_TEST_CASE(a_group_ends_when_all_of_its_tasks_have_and_returns_what_its_body_does) {  // T31
    run_virtual([] {
        std::string log;
        const auto start = now();
        const int sum = with_task_group([&](task_group& group) {
            auto a = group.create_task([&] {
                crocus::sleep(2ms);
                log += 'a';
                return 1;
            });
            group.create_task([&] {
                crocus::sleep(3ms);
                log += 'b';
            });
            BOOST_TEST(group.size() == 2U);
            BOOST_TEST(log.empty());
            return a.get() + 1;
        });
        BOOST_TEST(sum == 2);
        BOOST_TEST(log == "ab");
        BOOST_TEST((now() - start == 3ms));
        BOOST_TEST(crocus::all_tasks().empty());

        int target = 0;
        with_task_group([&](task_group&) -> int& { return target; }) = 3;
        BOOST_TEST(target == 3);
        BOOST_TEST(*with_task_group([](task_group&) { return std::make_unique<int>(4); }) == 4);
        static_assert(std::is_void_v<decltype(with_task_group([](task_group&) {}))>);
        with_task_group([](task_group&) {});
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_are_made_while_the_group_waits_are_awaited_too) {  // T31
    run_virtual([] {
        std::string log;
        with_task_group([&](task_group& group) {
            group.create_task([&] {
                crocus::sleep(1ms);
                log += "child ";
                group.create_task([&] {
                    crocus::sleep(1ms);
                    log += "grandchild ";
                    group.create_task([&] {
                        crocus::sleep(1ms);
                        log += "and on";
                    });
                });
            });
        });
        BOOST_TEST(log == "child grandchild and on");
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(tasks_have_the_options_that_they_are_given_and_coroutines_are_taken) {  // T32
    run_virtual([] {
        with_task_group([](task_group& group) {
            auto named = group.create_task([] { return crocus::current_task().name(); }, {.name = "mine"});
            auto of_coroutine = group.create_task(crocus::coroutine<int>([] { return 5; }));
            crocus::coroutine<std::string> c([] { return crocus::current_task().name(); }, {.name = "its own"});
            BOOST_TEST(group.create_task(c, {}).get() == "its own");
            BOOST_TEST(named.get() == "mine");
            BOOST_TEST(of_coroutine.get() == 5);
        });
    });
}

BOOST_AUTO_TEST_CASE(groups_work_in_tasks_coroutines_and_the_main_flow_and_not_in_callbacks) {  // T31
    run_virtual([] {
        const auto sum = [] {
            return with_task_group([](task_group& group) {
                auto a = group.create_task([] {
                    crocus::sleep(1ms);
                    return 1;
                });
                return a.get() + 1;
            });
        };
        BOOST_TEST(crocus::create_task(sum).get() == 2);
        crocus::coroutine<int> c(sum);
        auto s = c.send();
        while (s.yielded()) {
            s->await();
            s = c.send();
        }
        BOOST_TEST(s.result() == 2);
        bool threw = false;
        event_loop::current().call_soon([&] {
            try {
                sum();
            } catch (const crocus::cannot_suspend&) {
                threw = true;
            }
        });
        crocus::yield_now();
        BOOST_TEST(threw);
    });
}

BOOST_AUTO_TEST_CASE(a_value_that_nobody_takes_is_destroyed_before_the_group_ends) {
    run_virtual([] {
        std::string log;
        struct lingering {
            std::string* log;
            explicit lingering(std::string& l) : log(&l) {}
            lingering(lingering&& other) noexcept : log(std::exchange(other.log, nullptr)) {}
            ~lingering() {
                if (log == nullptr) return;
                crocus::sleep(1ms);
                *log += "destroyed ";
            }
        };
        with_task_group([&](task_group& group) { group.create_task([&] { return lingering(log); }); });
        log += "ended";
        BOOST_TEST(log == "destroyed ended");
    });
}

// -------------------------------------------------------------------------------------------------------- the failures

BOOST_AUTO_TEST_CASE(a_task_that_fails_ends_the_others_and_the_body) {  // T33
    run_virtual([] {
        const auto reports = collect_reports();
        std::string log;
        const auto slow = [&](const std::string& name) {
            try {
                sleep_long();
            } catch (const crocus::cancelled_error&) {
                crocus::sleep(5ms);  // it is asked once
                log += name + ' ';
                throw;
            }
        };
        const auto start = now();
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task([&] { slow("sibling"); });
                           group.create_task([] {
                               crocus::sleep(1ms);
                               throw std::runtime_error("broken");
                           });
                           slow("body");
                       });
                   }) == "[broken]");
        BOOST_TEST(log == "sibling body ");
        BOOST_TEST((now() - start == 6ms));
        BOOST_TEST(crocus::current_task().cancelling() == 0);
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(reports->empty());
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(several_failures_come_in_their_order_the_bodys_last) {  // T33, T35
    run_virtual([] {
        const auto fails_late = [](int ms, const char* what) {
            return [=] {
                try {
                    sleep_long();
                } catch (const crocus::cancelled_error&) {
                    crocus::sleep(ms * 1ms);
                    throw std::logic_error(what);
                }
            };
        };
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task(fails_late(3, "third"));
                           group.create_task(fails_late(2, "second"));
                           crocus::sleep(1ms);
                           throw std::runtime_error("the body's");
                       });
                   }) == "[second, third, the body's]");
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_body_that_fails_ends_the_tasks_and_one_that_awaited_the_failed_task_counts_once) {  // T35
    run_virtual([] {
        bool ended = false;
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task([&] {
                               cancellation_of(sleep_long);
                               ended = true;
                           });
                           crocus::yield_now();
                           throw std::runtime_error("the body's");
                       });
                   }) == "[the body's]");
        BOOST_TEST(ended);
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task([]() -> int { throw std::runtime_error("once"); }).get();
                       });
                   }) == "[once]");
        BOOST_TEST(crocus::current_task().cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_body_that_awaits_a_sibling_of_the_failed_task_waits_for_its_end) {  // T33
    run_virtual([] {
        std::string log;
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           auto sibling = group.create_task([&] {
                               cancellation_of(sleep_long);
                               log += cancellation_of([] { crocus::sleep(1ms); });  // it is asked once
                               return 3;
                           });
                           group.create_task([] { throw std::runtime_error("broken"); });
                           log += std::to_string(sibling.get());
                           log += cancellation_of(sleep_long);
                       });
                   }) == "[broken]");
        BOOST_TEST(log == "none3");
        BOOST_TEST(crocus::current_task().cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_failure_keeps_tasks_that_have_not_begun_from_beginning) {  // T33, T7
    run_virtual([] {
        bool began = false;
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task([] { throw std::runtime_error("at once"); });
                           group.create_task([&] { began = true; });
                       });
                   }) == "[at once]");
        BOOST_TEST(!began);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_is_cancelled_by_itself_is_no_failure) {  // T34
    run_virtual([] {
        std::string log;
        with_task_group([&](task_group& group) {
            auto one = group.create_task(sleep_long);
            group.create_task([] { throw crocus::cancelled_error("of its own"); });
            group.create_task([&] {
                crocus::sleep(2ms);
                log += "went on";
            });
            crocus::sleep(1ms);
            one.cancel();
        });
        BOOST_TEST(log == "went on");
        BOOST_TEST(crocus::current_task().cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_body_left_by_a_cancelled_error_of_its_own_ends_the_tasks_and_passes_it_on) {  // T13, T36
    run_virtual([] {
        bool ended = false;
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task([&] {
                               cancellation_of(sleep_long);
                               ended = true;
                           });
                           crocus::yield_now();
                           throw crocus::cancelled_error("the body's");
                       });
                   }) == "cancelled the body's");
        BOOST_TEST(ended);
    });
}

BOOST_AUTO_TEST_CASE(a_group_takes_no_more_once_it_ends_early_or_has_ended) {  // T32
    run_virtual([] {
        const auto held = std::make_shared<int>(0);
        std::string log;
        const auto refused = [&](task_group& group, const std::string& why) {
            try {
                group.create_task([held] { ++*held; });
                log += "taken ";
            } catch (const crocus::task_group_closed& e) {
                log += contains(e.what(), why) ? "refused " : e.what();
            }
        };
        BOOST_TEST(group_outcome([&] {
                       with_task_group([&](task_group& group) {
                           group.create_task([] { throw std::runtime_error("broken"); });
                           group.create_task([&] {
                               cancellation_of(sleep_long);
                               refused(group, "shutting down");
                           });
                           cancellation_of(sleep_long);
                           refused(group, "shutting down");
                           crocus::coroutine<> c([] {});
                           BOOST_CHECK_THROW(group.create_task(c), crocus::task_group_closed);
                           BOOST_TEST((c.status() == crocus::coroutine_status::closed));
                       });
                   }) == "[broken]");
        BOOST_TEST(log == "refused ");  // the sibling had not begun
        BOOST_TEST(held.use_count() == 1);
        with_task_group([&](task_group& group) {  // by somebody else, between the last task's end and the group's
            group.create_task([&] { static_cast<void>(crocus::create_task([&] { refused(group, "finished"); })); });
        });
        BOOST_TEST(log == "refused refused ");
        BOOST_TEST(*held == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_generator_cannot_yield_out_of_a_group) {  // users' T13
    run_virtual([] {
        crocus::generator<int> g([](auto& yield) {
            BOOST_TEST(group_outcome([&] { with_task_group([&](task_group&) { yield(1); }); }) ==
                       std::string("[") + crocus::yield_across_scope().what() + "]");
            yield(2);
        });
        BOOST_TEST(*g.next() == 2);
    });
}

BOOST_AUTO_TEST_CASE(what_closes_a_generator_or_a_coroutine_is_not_wrapped) {  // T38
    run_virtual([] {
        std::string log;
        crocus::coroutine<> c([&] {
            with_task_group([&](task_group&) {
                try {
                    sleep_long();
                } catch (const crocus::generator_exit&) {
                    log += "exit";
                    throw;
                }
            });
        });
        c.send();
        c.close();
        BOOST_TEST(log == "exit");
        // with tasks it waits for them; its handle's end waits, too
        {
            crocus::coroutine<> slow([&] {
                with_task_group([&](task_group& group) {
                    group.create_task([&] {
                        cancellation_of(sleep_long);
                        crocus::sleep(1ms);
                        log += " ended";
                    });
                    sleep_long();
                });
            });
            slow.send();
            crocus::yield_now();
        }
        BOOST_TEST(log == "exit ended");
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(group_outcome([] {
                       with_task_group([](task_group& group) {
                           group.create_task([] { throw std::runtime_error("broken"); });
                           cancellation_of(sleep_long);
                           throw crocus::generator_exit();
                       });
                   }) == "[broken, generator_exit]");
    });
}

BOOST_AUTO_TEST_CASE(a_deadlock_in_a_group_of_the_main_flow_ends_its_tasks) {
    run_virtual([] {
        int ended = 0;
        const auto stuck = [&] {
            cancellation_of([] { crocus::future<void>().get(); });
            ++ended;
        };
        BOOST_TEST(contains(group_outcome([&] {
                                with_task_group([&](task_group& group) {
                                    group.create_task(stuck);
                                    group.create_task(stuck);
                                });
                            }),
                            "[nothing is ready"));
        BOOST_TEST(ended == 2);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(nothing_of_the_failures_is_kept) {  // T39b
    run_virtual([] {
        const auto held = std::make_shared<int>(0);
        struct error : std::exception {
            explicit error(std::shared_ptr<int> h) : keeps(std::move(h)) {}
            std::shared_ptr<int> keeps;
        };
        BOOST_CHECK_THROW(with_task_group([&](task_group& group) {
                              group.create_task([held] { throw error(held); });
                              group.create_task([held] {
                                  cancellation_of(sleep_long);
                                  throw error(held);
                              });
                              crocus::yield_now();
                              throw error(held);
                          }),
                          crocus::exception_group);
        BOOST_TEST(held.use_count() == 1);
    });
}

// ----------------------------------------------------------------------------------------------------------- the limit

BOOST_AUTO_TEST_CASE(no_more_tasks_run_at_once_than_the_limit_says) {  // users' T12
    run_virtual([] {
        const auto start = now();
        int running = 0, most = 0, ended = 0;
        std::vector<int> order;
        with_task_group(
            [&](task_group& group) {
                for (int i = 0; i != 10; ++i)
                    group.create_task([&, i] {
                        order.push_back(i);
                        most = std::max(most, ++running);
                        crocus::sleep(1ms);
                        --running;
                        ++ended;
                    });
                BOOST_TEST(group.size() == 10U);
            },
            {.limit = 3});
        BOOST_TEST(most == 3);
        BOOST_TEST(ended == 10);
        BOOST_TEST((now() - start == 4ms));
        BOOST_TEST(order == (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_group_with_a_limit_ends_early_without_beginning_those_that_wait) {  // users' T12, T33, T39
    run_virtual([] {
        int began = 0;
        const auto held = std::make_shared<int>(0);
        const auto fill = [&, held](task_group& group) {
            for (int i = 0; i != 5; ++i)
                group.create_task([&, held] {
                    ++began;
                    sleep_long();
                });
        };
        BOOST_TEST(group_outcome([&] {
                       with_task_group(
                           [&](task_group& group) {
                               fill(group);
                               crocus::sleep(1ms);
                               throw std::runtime_error("enough");
                           },
                           {.limit = 2});
                   }) == "[enough]");
        with_task_group(
            [&](task_group& group) {
                fill(group);
                crocus::sleep(1ms);
                group.cancel();
            },
            {.limit = 2});
        BOOST_TEST(began == 4);
        BOOST_TEST(crocus::all_tasks().empty());

        // one that is cancelled while it waits for room
        bool ran = false;
        with_task_group(
            [&](task_group& group) {
                group.create_task([] { crocus::sleep(1ms); });
                auto second = group.create_task([&] { ran = true; });
                auto third = group.create_task([] { return 1; });
                second.cancel();
                BOOST_TEST(third.get() == 1);
                BOOST_TEST(second.cancelled());
            },
            {.limit = 1});
        BOOST_TEST(!ran);
        BOOST_TEST(held.use_count() == 2);  // this one, and fill's
    });
}

BOOST_AUTO_TEST_CASE(a_task_may_make_others_in_a_group_that_is_full) {  // users' T12
    run_virtual([] {
        std::string log;
        with_task_group(
            [&](task_group& group) {
                group.create_task([&] {
                    log += "a";
                    group.create_task([&] {
                        log += "b";
                        group.create_task([&] { log += "c"; });
                    });
                    crocus::yield_now();
                    log += "-";
                });
            },
            {.limit = 1});
        BOOST_TEST(log == "a-bc");
    });
}

// ---------------------------------------------------------------------------------------------------------- eager tasks

BOOST_AUTO_TEST_CASE(an_eager_task_of_a_group_runs_at_once_and_its_failure_waits_for_the_bodys_next_wait) {  // T39a
    run_virtual([] {
        std::string log;
        BOOST_CHECK_THROW(with_task_group([&](task_group& group) {
                              static_cast<void>(group.create_task(
                                  [&]() {
                                      log += "child ";
                                      throw std::runtime_error("inside");
                                  },
                                  {.eager_start = true}));
                              log += "body ";
                              BOOST_TEST(crocus::current_task().cancelling() == 1);
                              crocus::sleep(1h);
                              log += "not reached";
                          }),
                          crocus::exception_group);
        BOOST_TEST(log == "child body ");
        BOOST_TEST(crocus::current_task().cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_for_which_there_is_no_room_begins_when_its_turn_comes) {  // T39a
    run_virtual([] {
        std::string log;
        with_task_group(
            [&](task_group& group) {
                for (int i = 0; i != 3; ++i)
                    static_cast<void>(group.create_task(
                        [&, i] {
                            log += std::to_string(i);
                            crocus::sleep(1s);
                        },
                        {.eager_start = true}));
                log += " body ";
            },
            {.limit = 1});
        BOOST_TEST(log == "0 body 12");
    });
}
