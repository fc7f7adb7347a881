#define BOOST_TEST_MODULE run
#include <crocus/run.hpp>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/child.hpp"
#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::run;
using crocus::test::in_child;
using crocus::test::cancellation_of;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

// ------------------------------------------------------------------------------------------------------- the function

BOOST_AUTO_TEST_CASE(run_returns_what_the_function_returns) {  // C18
    int target = 0;
    BOOST_TEST(run([] { return 5; }) == 5);
    BOOST_TEST(*run([] { return std::make_unique<int>(6); }) == 6);
    run([&]() -> int& { return target; }) = 7;
    BOOST_TEST(target == 7);
    static_assert(std::is_void_v<decltype(run([] {}))>);
    BOOST_TEST(event_loop::current_if_any() == nullptr);
}

BOOST_AUTO_TEST_CASE(run_throws_what_the_function_throws) {  // C18
    BOOST_CHECK_THROW(run([] { throw std::runtime_error("inside"); }), std::runtime_error);
    BOOST_TEST(event_loop::current_if_any() == nullptr);
}

BOOST_AUTO_TEST_CASE(each_run_has_a_fresh_loop) {  // C18
    std::vector<std::uint64_t> ids;
    for (int i = 0; i != 100; ++i) {
        ids.push_back(run([] {
            create_task([] { crocus::yield_now(); }).get();
            return event_loop::current().id();
        }));
    }
    BOOST_TEST((std::adjacent_find(ids.begin(), ids.end()) == ids.end()));
}

BOOST_AUTO_TEST_CASE(a_main_flow_that_was_cancelled_and_returns_ends_cancelled) {  // T9
    BOOST_TEST(cancellation_of([] {
                   run_virtual([] {
                       crocus::current_task().cancel("too late");
                       return 5;
                   });
               }) == "too late");
    BOOST_CHECK_THROW(run_virtual([] {
                          crocus::current_task().cancel();
                          throw std::runtime_error("first");
                      }),
                      std::runtime_error);
}

// ---------------------------------------------------------------------------------------------------------- the
// clean-up

BOOST_AUTO_TEST_CASE(tasks_that_are_left_are_cancelled_and_awaited) {  // C18
    std::string log;
    BOOST_TEST(run_virtual([&] {
                   static_cast<void>(create_task([&] {
                       try {
                           crocus::sleep(24h);
                       } catch (const crocus::cancelled_error& e) {
                           crocus::sleep(1s);
                           log += e.message();
                           throw;
                       }
                   }));
                   crocus::yield_now();
                   return 3;
               }) == 3);
    BOOST_TEST(contains(log, "the event loop is shut down"));
}

BOOST_AUTO_TEST_CASE(tasks_that_are_left_are_cancelled_also_when_the_function_throws) {  // C18
    bool cancelled = false;
    BOOST_CHECK_THROW(run_virtual([&] {
                          static_cast<void>(create_task([&] {
                              try {
                                  crocus::sleep(24h);
                              } catch (const crocus::cancelled_error&) {
                                  BOOST_TEST((std::current_exception() != nullptr));
                                  cancelled = true;
                                  throw;
                              }
                          }));
                          crocus::yield_now();
                          throw std::runtime_error("inside");
                      }),
                      std::runtime_error);
    BOOST_TEST(cancelled);
}

BOOST_AUTO_TEST_CASE(a_task_that_swallowed_an_earlier_cancellation_is_cancelled_at_the_end_too) {  // C18, T10
    int cancelled = 0;
    run_virtual([&] {
        auto t = create_task([&] {
            while (cancelled < 2) {
                try {
                    crocus::sleep(24h);
                } catch (const crocus::cancelled_error&) {
                    ++cancelled;
                }
            }
        });
        crocus::yield_now();
        t.cancel("one");
        crocus::yield_now();
        BOOST_TEST(cancelled == 1);
    });
    BOOST_TEST(cancelled == 2);
}

BOOST_AUTO_TEST_CASE(a_task_is_cancelled_once_however_long_it_cleans_up) {  // C18
    int cancelled = 0;
    run_virtual([&] {
        const auto cleans_up = [&] {
            for (int i = 0; i != 3; ++i) {
                try {
                    crocus::sleep(1s);
                } catch (const crocus::cancelled_error&) {
                    ++cancelled;
                }
            }
        };
        static_cast<void>(create_task(cleans_up));
        static_cast<void>(create_task(cleans_up));
        crocus::yield_now();
    });
    BOOST_TEST(cancelled == 2);
}

BOOST_AUTO_TEST_CASE(tasks_that_ending_tasks_make_are_cancelled_and_awaited) {  // C18
    int ended = 0;
    struct spawner {
        int& ended;
        int left;
        void operator()() const {
            try {
                crocus::sleep(24h);
            } catch (const crocus::cancelled_error&) {
                ++ended;
                if (left == 0) return;
                static_cast<void>(create_task(spawner{ended, left - 1}));
                crocus::yield_now();  // the new one begins
            }
        }
    };
    run_virtual([&] {
        static_cast<void>(create_task(spawner{ended, 5}));
        crocus::yield_now();
    });
    BOOST_TEST(ended == 6);
}

BOOST_AUTO_TEST_CASE(a_task_that_had_not_begun_when_the_function_ended_never_begins) {  // C18, and its deviation
    run_virtual([] {
        const std::string local = "may be referred to";
        static_cast<void>(create_task([&] { BOOST_ERROR(local); }));
    });
}

BOOST_AUTO_TEST_CASE(done_callbacks_of_tasks_that_end_with_the_loop_run) {  // C18
    bool called = false;
    run_virtual([&] {
        create_task([] { crocus::sleep(1h); }).add_done_callback([&](auto t) { called = t.cancelled(); });
        crocus::yield_now();
    });
    BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(errors_of_tasks_that_end_with_the_loop_are_reported) {  // C18
    std::string reported;
    run_virtual([&] {
        event_loop::current().set_exception_handler(
            [&](event_loop&, const crocus::exception_context& c) { reported = crocus::describe(c.exception); });
        static_cast<void>(create_task([] {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {
                throw std::runtime_error("on the way out");
            }
        }));
        crocus::yield_now();
    });
    BOOST_TEST(reported == "std::runtime_error: on the way out");
}

BOOST_AUTO_TEST_CASE(tasks_that_an_executors_last_calls_make_are_ended_too) {  // C18
    class inline_executor final : public crocus::executor {
    public:
        void shutdown(bool, bool) override {
            if (on_shutdown) std::exchange(on_shutdown, nullptr)();
        }
        std::function<void()> on_shutdown;

    private:
        void execute(crocus::work_item item) override { item.run(); }
    };
    bool ended = false;
    run_virtual([&] {
        auto pool = std::make_shared<inline_executor>();
        pool->on_shutdown = [&] {
            static_cast<void>(create_task([&] {
                cancellation_of([] { crocus::sleep(1h); });
                ended = true;
            }));
            crocus::yield_now();
        };
        event_loop::current().set_default_executor(pool);
    });
    BOOST_TEST(ended);
}

// --------------------------------------------------------------------------------------------------------------
// nesting

BOOST_AUTO_TEST_CASE(run_inside_a_task_or_another_run_is_an_error_that_says_what_to_do) {  // C18, users' T14
    const auto is_refused = [] {
        bool called = false;
        BOOST_CHECK_EXCEPTION(run([&] { called = true; }), crocus::usage_error,
                              [](const auto& e) { return contains(e.what(), "call the function itself"); });
        BOOST_TEST(!called);
    };
    run_virtual([&] {
        is_refused();
        create_task(is_refused).get();
        event_loop::current().call_soon(is_refused);
        crocus::yield_now();
    });
    std::atomic<bool> refused{false};
    std::thread([&] {
        create_task([&] {
            try {
                run([] {});
            } catch (const crocus::usage_error&) {
                refused = true;
            }
        }).get();
    }).join();
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(run_in_the_main_flow_of_an_implicit_loop_is_a_loop_of_its_own) {
    std::string log;
    std::thread([&] {
        auto outer = create_task([&] { log += "outer "; });
        const auto id = event_loop::current().id();
        log += std::to_string(run([&] {
            create_task([&] { log += "inner "; }).get();
            return event_loop::current().id() != id ? 1 : 0;
        }));
        log += ' ';
        if (event_loop::current().id() == id) outer.get();
    }).join();
    BOOST_TEST(log == "inner 1 outer ");
}

BOOST_AUTO_TEST_CASE(several_threads_run_loops_of_their_own_at_once) {
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&, t] {
            sum += run([t] {
                const auto [a, b] = crocus::gather(
                    [t] {
                        crocus::sleep(1us);
                        return t;
                    },
                    [] { return 10; });
                return a + b;
            });
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(sum == 46);
}

// -----------------------------------------------------------------------------------------------------------
// interruption

BOOST_AUTO_TEST_CASE(an_interrupt_cancels_the_main_flow_which_may_catch_it) {  // C20
    std::string message;
    const int result = run([&] {
        bool child_cancelled = true;
        auto child = create_task([&] {
            for (int i = 0; i != 100; ++i) crocus::yield_now();
            child_cancelled = false;
        });
        std::raise(SIGINT);
        message = cancellation_of([] { crocus::sleep(1h); });
        child.get();
        BOOST_TEST(!child_cancelled);
        BOOST_TEST(crocus::current_task().cancelling() == 1);
        return 4;
    });
    BOOST_TEST(contains(message, "SIGINT"));
    BOOST_TEST(result == 4);
    BOOST_TEST((std::signal(SIGINT, SIG_DFL) == SIG_DFL));
}

BOOST_AUTO_TEST_CASE(an_interrupt_wakes_a_loop_that_sleeps) {  // C20
    std::thread kill;
    run([&] {
        const pid_t process = ::getpid();
        kill = std::thread([process] { ::kill(process, SIGINT); });
        BOOST_CHECK_THROW(crocus::sleep(1h), crocus::cancelled_error);
    });
    kill.join();
}

BOOST_AUTO_TEST_CASE(an_interrupt_that_the_main_flow_lets_through_ends_the_process_after_the_clean_up) {  // C20
    const auto end = in_child([] {
        run([] {
            static_cast<void>(create_task([] {
                try {
                    crocus::sleep(1h);
                } catch (const crocus::cancelled_error&) {
                    crocus::yield_now();
                    std::puts("cleaned");
                    std::fflush(stdout);
                    throw;
                }
            }));
            crocus::yield_now();
            std::raise(SIGINT);
            crocus::sleep(1h);
        });
    });
    BOOST_TEST(end.output == "cleaned\n");
    BOOST_TEST(end.killed_by(SIGINT));
}

BOOST_AUTO_TEST_CASE(an_interrupt_that_comes_just_before_the_main_flow_ends_is_not_lost) {  // C20, T9
    const auto end = in_child([] {
        run([] {
            std::raise(SIGINT);
            return 5;
        });
    });
    BOOST_TEST(end.killed_by(SIGINT));
}

BOOST_AUTO_TEST_CASE(a_second_interrupt_ends_the_process_at_once) {  // C20
    const auto end = in_child([] {
        run([] {
            std::raise(SIGINT);
            cancellation_of([] { crocus::sleep(1h); });
            std::raise(SIGINT);
            ::_exit(5);
        });
    });
    BOOST_TEST(end.killed_by(SIGINT));
}

BOOST_AUTO_TEST_CASE(an_interrupt_during_the_clean_up_ends_the_process_at_once) {  // C20
    const auto end = in_child([] {
        run([] {
            static_cast<void>(create_task([] {
                cancellation_of([] { crocus::sleep(1h); });
                std::raise(SIGINT);
                ::_exit(5);
            }));
            crocus::yield_now();
        });
    });
    BOOST_TEST(end.killed_by(SIGINT));
}

namespace {
std::atomic<int> handled{0};
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_there_already_is_left_alone) {  // C20
    std::signal(SIGINT, [](int) { ++handled; });
    run([] {
        std::raise(SIGINT);
        crocus::yield_now();
    });
    BOOST_TEST(handled == 1);
    std::signal(SIGINT, SIG_IGN);
    run([] { std::raise(SIGINT); });
    BOOST_TEST((std::signal(SIGINT, SIG_DFL) == SIG_IGN));
}

BOOST_AUTO_TEST_CASE(interrupts_are_the_main_threads) {  // C20
    bool left_alone = false;
    std::thread([&] {
        run([&] {
            struct sigaction now {};
            left_alone = ::sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
        });
    }).join();
    BOOST_TEST(left_alone);
}

BOOST_AUTO_TEST_CASE(a_loop_that_fails_gives_the_signal_back) {  // C20
    class failing_driver final : public crocus::test::virtual_time_driver {
        void poll(crocus::time_point) override { throw std::runtime_error("the kernel is gone"); }
    };
    BOOST_CHECK_THROW(run(
                          [] {
                              static_cast<void>(create_task([] { crocus::sleep(1h); }));
                              crocus::yield_now();
                          },
                          {.driver = std::make_unique<failing_driver>()}),
                      std::runtime_error);
    BOOST_TEST((std::signal(SIGINT, SIG_DFL) == SIG_DFL));
}
