#define BOOST_TEST_MODULE event_loop
#include <crocus/event_loop.hpp>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/unraisable.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/child.hpp"
#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

extern "C" __attribute__((weak)) void __lsan_disable();  // NOLINT: the name is the sanitizer's

using crocus::create_task;
using crocus::event_loop;
using crocus::test::collect_reports;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

// ---------------------------------------------------------------------------------------------------------- the order

BOOST_AUTO_TEST_CASE(tasks_and_callbacks_run_in_the_order_in_which_they_became_ready) {  // L13, I1
    run_virtual([] {
        std::string log;
        auto& loop = event_loop::current();
        loop.call_soon([&] { log += 'a'; });
        auto b = create_task([&] {
            log += 'b';
            crocus::yield_now();
            log += 'f';
        });
        loop.call_soon([&] { log += 'c'; });
        auto d = create_task([&] { log += 'd'; });
        loop.call_soon([&] { log += 'e'; });
        b.get();
        d.get();
        BOOST_TEST(log == "abcdef");
    });
}

BOOST_AUTO_TEST_CASE(what_a_callback_schedules_runs_after_all_that_is_ready) {  // I1
    run_virtual([] {
        std::string log;
        auto& loop = event_loop::current();
        loop.call_soon([&] {
            log += 'a';
            loop.call_soon([&] { log += 'c'; });
        });
        loop.call_soon([&] { log += 'b'; });
        crocus::yield_now();
        BOOST_TEST(log == "ab");
        crocus::yield_now();
        BOOST_TEST(log == "abc");
    });
}

BOOST_AUTO_TEST_CASE(timers_run_at_their_times_and_equal_times_keep_their_order) {  // L15, L16
    run_virtual([] {
        std::string log;
        auto& loop = event_loop::current();
        const auto start = loop.now();
        loop.call_later(20ms, [&] { log += 'd'; });
        loop.call_later(10ms, [&] { log += 'a'; });
        loop.call_at(start + 10ms, [&] { log += 'b'; });
        loop.call_later(10ms, [&] { log += 'c'; });
        loop.call_later(-5ms, [&] { log += '-'; });
        crocus::sleep(10ms);
        BOOST_TEST(log == "-abc");
        BOOST_TEST((loop.now() - start == 10ms));
        crocus::sleep(10ms);
        BOOST_TEST(log == "-abcd");
        BOOST_TEST((loop.now() - start == 20ms));
    });
}

BOOST_AUTO_TEST_CASE(call_soon_comes_before_a_timer_that_is_due_at_once) {  // I6
    run_virtual([] {
        std::string log;
        auto& loop = event_loop::current();
        loop.call_later(0ms, [&] { log += 'b'; });
        loop.call_soon([&] { log += 'a'; });
        crocus::sleep(1ms);
        BOOST_TEST(log == "ab");
    });
}

BOOST_AUTO_TEST_CASE(a_thousand_timers_fire_in_order_and_a_third_of_them_cancelled_do_not) {  // L15, L17
    run_virtual([] {
        std::vector<int> fired;
        std::vector<crocus::handle> handles;
        for (int i = 0; i != 1000; ++i)
            handles.push_back(event_loop::current().call_later((i * 7919 % 1000) * 1ms,
                                                               [&, i] { fired.push_back(i * 7919 % 1000); }));
        for (std::size_t i = 0; i < 1000; i += 3) handles[i].cancel();
        crocus::sleep(1s);
        BOOST_TEST(fired.size() == 666U);
        BOOST_TEST(std::is_sorted(fired.begin(), fired.end()));
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_yield_for_ever_do_not_keep_timers_from_firing) {
    class ticking_driver final : public crocus::test::virtual_time_driver {
    public:
        void poll(crocus::time_point until) override {
            if (until == crocus::time_point::min()) return advance(1ms);
            virtual_time_driver::poll(until);
        }
    };
    crocus::run(
        [] {
            bool fired = false;
            event_loop::current().call_later(10ms, [&] { fired = true; });
            const auto spin = [&] {
                while (!fired) crocus::yield_now();
            };
            crocus::gather(spin, spin);
            BOOST_TEST(fired);
        },
        {.driver = std::make_unique<ticking_driver>(), .handle_interrupt = false});
}

// ------------------------------------------------------------------------------------------------------------ handles

BOOST_AUTO_TEST_CASE(a_cancelled_callback_never_runs_and_is_destroyed_at_once) {  // L17
    run_virtual([] {
        const auto held = std::make_shared<int>(0);
        auto soon = event_loop::current().call_soon([held] { ++*held; });
        auto later = event_loop::current().call_later(1h, [held] { ++*held; });
        BOOST_TEST(held.use_count() == 3);
        BOOST_TEST(!soon.cancelled());
        soon.cancel();
        later.cancel();
        soon.cancel();
        BOOST_TEST(soon.cancelled());
        BOOST_TEST(later.cancelled());
        BOOST_TEST(held.use_count() == 1);
        crocus::sleep(2h);
        BOOST_TEST(*held == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_timer_does_not_keep_the_loop_waiting) {  // L17
    run_virtual([] {
        auto& loop = event_loop::current();
        loop.call_later(1h, [] {}).cancel();
        const auto start = loop.now();
        BOOST_CHECK_THROW(crocus::future<void>().get(), crocus::deadlock_error);
        BOOST_TEST((loop.now() == start));
    });
}

BOOST_AUTO_TEST_CASE(a_callback_that_cancels_its_own_handle_runs_to_its_end) {  // L14, L17
    run_virtual([] {
        crocus::handle h;
        std::string log;
        h = event_loop::current().call_soon([&h, &log, text = std::string(100, 'x')] {
            h.cancel();
            log = text;
        });
        crocus::yield_now();
        BOOST_TEST(log == std::string(100, 'x'));
        h.cancel();
        BOOST_TEST(!h.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(what_a_callback_captured_may_own_the_handle_that_cancels_it) {  // L17
    run_virtual([] {
        struct owner {
            crocus::handle timeout;
        };
        auto owns = std::make_shared<owner>();
        owns->timeout = event_loop::current().call_later(1h, [owns] {});
        const std::weak_ptr<owner> gone = owns;
        auto& timeout = owns->timeout;
        owns.reset();
        timeout.cancel();
        BOOST_TEST(gone.expired());
    });
}

BOOST_AUTO_TEST_CASE(a_handle_may_outlive_its_loop) {
    const auto held = std::make_shared<int>(0);
    auto [soon, later] = run_virtual([&] {
        auto& loop = event_loop::current();
        return std::pair(loop.call_soon([held] { ++*held; }), loop.call_later(1h, [held] { ++*held; }));
    });
    BOOST_TEST(held.use_count() == 1);
    BOOST_TEST(*held == 0);  // a loop that ends drops what has not run
    later.cancel();
    soon.cancel();
}

// ------------------------------------------------------------------------------------------------- errors in callbacks

BOOST_AUTO_TEST_CASE(an_exception_in_a_callback_reaches_the_handler_and_the_loop_goes_on) {  // L18
    run_virtual([] {
        const auto reports = collect_reports();
        int ran = 0;
        event_loop::current().call_soon([] { throw std::runtime_error("one"); });
        event_loop::current().call_soon([] { throw crocus::cancelled_error("two"); });
        event_loop::current().call_later(1ms, [] { throw 3; });
        event_loop::current().call_soon([&] { ++ran; });
        crocus::sleep(1ms);
        BOOST_TEST(ran == 1);
        BOOST_REQUIRE(reports->size() == 3U);
        BOOST_TEST((*reports)[0] == "Exception in callback: std::runtime_error: one");
        BOOST_TEST((*reports)[1] == "Exception in callback: crocus::cancelled_error: two");
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_reported_and_the_loop_goes_on) {  // L22
    std::string reported;
    auto before = crocus::set_unraisable_hook([&](const std::string& where, std::exception_ptr) { reported = where; });
    run_virtual([] {
        event_loop::current().set_exception_handler(
            [](event_loop&, const crocus::exception_context&) { throw std::runtime_error("handler"); });
        event_loop::current().call_soon([] { throw std::runtime_error("callback"); });
        crocus::yield_now();
    });
    crocus::set_unraisable_hook(std::move(before));
    BOOST_TEST(contains(reported, "exception handler"));
}

BOOST_AUTO_TEST_CASE(suspending_in_a_callback_is_an_error_that_says_what_to_do) {
    run_virtual([] {
        const auto reports = collect_reports();
        auto& loop = event_loop::current();
        loop.call_soon([] { crocus::sleep(1ms); });
        loop.call_soon([] { crocus::yield_now(); });
        loop.call_soon([] { crocus::future<int>().get(); });
        loop.call_soon([] { crocus::gather([] {}, [] {}); });
        loop.call_soon([] { crocus::gather(std::vector<void (*)()>{[] {}}); });
        loop.call_soon([] { static_cast<void>(crocus::current_task()); });
        BOOST_TEST(event_loop::in_task());
        bool in_callback = true;
        loop.call_soon([&] { in_callback = event_loop::in_task(); });
        crocus::sleep(1ms);
        BOOST_TEST(!in_callback);
        BOOST_TEST(reports->size() == 6U);
        for (const auto& report : *reports) {
            BOOST_TEST(contains(report, "crocus::cannot_suspend"));
            BOOST_TEST(contains(report, "create_task"));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_callback_may_make_a_task_that_waits) {
    run_virtual([] {
        crocus::future<int> result;
        event_loop::current().call_soon([&] {
            static_cast<void>(create_task([&] {
                crocus::sleep(1ms);
                result.set_result(7);
            }));
        });
        BOOST_TEST(result.get() == 7);
    });
}

// -------------------------------------------------------------------------------------------------------- other
// threads

BOOST_AUTO_TEST_CASE(each_post_of_other_threads_runs_once_and_in_its_threads_order) {  // L14, I9
    constexpr int threads = 4;
    constexpr int posts = 5000;
    crocus::run([] {
        std::vector<std::vector<int>> seen(threads);
        crocus::future<void> all;
        int left = threads * posts;
        auto& loop = event_loop::current();
        std::vector<std::thread> posters;
        for (int t = 0; t != threads; ++t)
            posters.emplace_back([&, t] {
                for (int i = 0; i != posts; ++i)
                    loop.call_soon_threadsafe([&, t, i] {
                        seen[static_cast<std::size_t>(t)].push_back(i);
                        if (--left == 0) all.set_result();
                    });
            });
        all.get();
        for (auto& p : posters) p.join();
        for (const auto& one : seen) {
            BOOST_TEST(one.size() == static_cast<std::size_t>(posts));
            BOOST_TEST(std::is_sorted(one.begin(), one.end()));
        }
    });
}

BOOST_AUTO_TEST_CASE(a_post_wakes_a_loop_that_sleeps_each_time) {  // L14
    constexpr int rounds = 500;
    crocus::run([] {
        auto& loop = event_loop::current();
        std::atomic<int> round{0};
        crocus::future<void> posted;
        std::thread poster([&] {
            for (int i = 0; i != rounds; ++i) {
                round.wait(i);
                loop.call_soon_threadsafe([&] { posted.set_result(); });
            }
        });
        for (int i = 0; i != rounds; ++i) {
            posted = crocus::future<void>();
            ++round;
            round.notify_one();
            posted.get();
        }
        poster.join();
    });
}

BOOST_AUTO_TEST_CASE(a_post_that_comes_as_the_loop_falls_asleep_is_seen) {  // L14
    class posting_driver final : public crocus::test::virtual_time_driver {
    public:
        void poll(crocus::time_point until) override {
            if (until != crocus::time_point::min() && on_next_sleep) std::exchange(on_next_sleep, nullptr)();
            virtual_time_driver::poll(until);
        }
        std::function<void()> on_next_sleep;
    };
    crocus::run(
        [] {
            auto& loop = event_loop::current();
            const auto start = loop.now();
            auto ran_at = crocus::time_point::max();
            // The loop has looked for posts then.
            dynamic_cast<posting_driver&>(loop.driver()).on_next_sleep = [&] {
                loop.call_soon_threadsafe([&] { ran_at = loop.now(); });
            };
            crocus::sleep(1h);
            BOOST_TEST((ran_at == start));
        },
        {.driver = std::make_unique<posting_driver>(), .handle_interrupt = false});
}

BOOST_AUTO_TEST_CASE(a_post_to_a_loop_that_is_closed_is_refused_and_destroyed) {
    const auto held = std::make_shared<int>(0);
    const auto ref = run_virtual([] { return event_loop::current().ref(); });
    BOOST_TEST(!ref.call_soon([held] { ++*held; }));
    BOOST_TEST(held.use_count() == 1);
    BOOST_TEST(*held == 0);
    ref.wake();
}

BOOST_AUTO_TEST_CASE(posts_that_race_with_the_end_of_the_loop_are_run_or_destroyed) {
    const auto held = std::make_shared<std::atomic<int>>(0);
    for (int round = 0; round != 50; ++round) {
        std::thread poster;
        std::atomic<bool> closed{false};
        run_virtual([&] {
            poster = std::thread([&, ref = event_loop::current().ref()] {
                // Not too many at a time: if posting is faster, each iteration would be longer than the last.
                while (held.use_count() > 1000 || ref.call_soon([held] { ++*held; })) {
                }
                closed = true;
            });
            for (int i = 0; i != 100; ++i) crocus::yield_now();
        });
        poster.join();
        BOOST_TEST(closed);
    }
    BOOST_TEST(held.use_count() == 1);
}

// --------------------------------------------------------------------------------------------------- the implicit loop

BOOST_AUTO_TEST_CASE(a_threads_start_function_is_a_green_thread) {
    std::string log;
    std::thread([&] {
        if (event_loop::current_if_any() != nullptr || event_loop::in_task()) log += "a loop before it was needed;";
        auto child = create_task([&] {
            log += "child ";
            crocus::sleep(1us);
            return 41;
        });
        log += "main ";
        log += std::to_string(child.get() + 1);
        crocus::sleep(1us);
        log += " " + crocus::current_task().name();
    }).join();
    BOOST_TEST(log == "main child 42 the main flow");
}

BOOST_AUTO_TEST_CASE(each_thread_has_a_loop_of_its_own) {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::thread a([&] { first = event_loop::current().id(); });
    std::thread b([&] { second = event_loop::current().id(); });
    a.join();
    b.join();
    BOOST_TEST(first != second);
}

BOOST_AUTO_TEST_CASE(tasks_left_at_the_end_of_a_thread_are_cancelled_unwound_and_reported) {
    std::shared_ptr<std::vector<std::string>> reports;
    std::string log;
    std::thread([&] {
        struct goodbye {
            std::string& log;
            ~goodbye() {
                crocus::yield_now();  // a destructor may suspend
                log += "unwound ";
            }
        };
        reports = collect_reports();
        static_cast<void>(create_task([&] {
            const goodbye g{log};
            try {
                crocus::sleep(24h);
            } catch (const crocus::cancelled_error&) {
                log += "cancelled ";
                throw;
            }
        }));
        static_cast<void>(create_task([] {
            try {
                crocus::future<void>().get();
            } catch (const crocus::cancelled_error&) {
                throw std::runtime_error("on the way out");
            }
        }));
        crocus::yield_now();
    }).join();
    BOOST_TEST(log == "cancelled unwound ");
    BOOST_REQUIRE(reports->size() == 2U);
    BOOST_TEST(contains((*reports)[0], "on the way out"));
    BOOST_TEST(contains((*reports)[1], "2 task(s) were left"));
}

BOOST_AUTO_TEST_CASE(a_thread_that_left_nothing_reports_nothing) {
    std::shared_ptr<std::vector<std::string>> reports;
    std::thread([&] {
        reports = collect_reports();
        create_task([] {}).get();
    }).join();
    BOOST_TEST(reports->empty());
}

BOOST_AUTO_TEST_CASE(a_future_of_a_thread_that_has_ended_still_gives_its_result) {
    crocus::task<std::string>* result = nullptr;
    std::thread([&] {
        result = new auto(create_task([] { return std::string("kept"); }));
        crocus::yield_now();
    }).join();
    BOOST_TEST(result->result() == "kept");
    delete result;
}

BOOST_AUTO_TEST_CASE(suspending_after_the_loop_is_gone_throws) {
    struct late {
        std::string* what = nullptr;
        ~late() {
            try {
                crocus::sleep(1us);
            } catch (const crocus::loop_closed& e) {
                *what = e.what();
            }
        }
    };
    std::string what;
    std::thread([&] {
        thread_local late after_the_loop;  // made before the loop, so it outlives it
        after_the_loop.what = &what;
        crocus::yield_now();
    }).join();
    BOOST_TEST(what == "the event loop is closed");
}

BOOST_AUTO_TEST_CASE(exit_may_be_called_anywhere) {
    const auto status_of = [](auto f) {
        return crocus::test::in_child([&] {
                   if (&__lsan_disable != nullptr) __lsan_disable();  // what exit() leaves behind is no leak
                   f();
               })
            .status;
    };
    const auto leave = [] { std::exit(3); };
    const int exited_with_3 = 3 << 8;
    const auto with_a_task = [] {
        auto waiting = new auto(create_task([] { crocus::sleep(24h); }));
        static_cast<void>(waiting);
        crocus::yield_now();
    };
    // the implicit loop: its main flow, a task, a callback
    BOOST_TEST(status_of([&] { with_a_task(), leave(); }) == exited_with_3);
    BOOST_TEST(status_of([&] { with_a_task(), create_task(leave).get(); }) == exited_with_3);
    BOOST_TEST(status_of([&] { with_a_task(), event_loop::current().call_soon(leave), crocus::yield_now(); }) ==
               exited_with_3);
    // a loop of run(), without and with an implicit one
    BOOST_TEST(status_of([&] { crocus::run([&] { with_a_task(), leave(); }); }) == exited_with_3);
    BOOST_TEST(status_of([&] { crocus::run([&] { with_a_task(), create_task(leave).get(); }); }) == exited_with_3);
    BOOST_TEST(status_of([&] { with_a_task(), crocus::run([&] { with_a_task(), create_task(leave).get(); }); }) ==
               exited_with_3);
    BOOST_TEST(status_of([&] { with_a_task(), crocus::run([&] { with_a_task(), leave(); }); }) == exited_with_3);
}

// ---------------------------------------------------------------------------------------------------- drivers that
// fail

namespace {

class failing_driver final : public crocus::test::virtual_time_driver {
public:
    void poll(crocus::time_point until) override {
        if (failures != 0) {
            --failures;
            throw std::runtime_error("the kernel is gone");
        }
        virtual_time_driver::poll(until);
    }
    static failing_driver& current() { return dynamic_cast<failing_driver&>(event_loop::current().driver()); }

    int failures = 0;
};

template <class F>
void run_failing(F f) {
    crocus::run(f, {.driver = std::make_unique<failing_driver>(), .handle_interrupt = false});
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_ends_the_loop_is_thrown_in_the_main_flow_that_waits) {
    run_failing([] {
        crocus::wait_queue queue;
        failing_driver::current().failures = 1;
        BOOST_CHECK_THROW(queue.wait(), std::runtime_error);
        BOOST_TEST(queue.empty());
        crocus::sleep(1ms);
    });
}

BOOST_AUTO_TEST_CASE(what_ends_the_loop_is_thrown_in_the_main_flow_that_is_ready) {
    run_failing([] {
        event_loop::current().call_soon([] { failing_driver::current().failures = 1; });
        BOOST_CHECK_THROW(
            {
                for (;;) crocus::yield_now();
            },
            std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_main_flow_that_is_notified_after_the_loop_failed_is_resumed_once) {
    run_failing([] {
        crocus::wait_queue queue;
        event_loop::current().call_soon([&] {
            failing_driver::current().failures = 1;  // when the loop asks it, with the next callback taken in already
            event_loop::current().call_soon_threadsafe([&] { queue.notify_one(); });
        });
        BOOST_CHECK_THROW(queue.wait(), std::runtime_error);
        BOOST_TEST(queue.empty());
        crocus::sleep(1ms);
    });
}

BOOST_AUTO_TEST_CASE(tasks_are_unwound_also_when_the_driver_goes_on_failing) {
    bool unwound = false;
    std::shared_ptr<std::vector<std::string>> reports;
    BOOST_CHECK_THROW(run_failing([&] {
                          reports = collect_reports();
                          static_cast<void>(create_task([&] {
                              try {
                                  crocus::sleep(1h);
                              } catch (const crocus::cancelled_error&) {
                                  crocus::yield_now();
                                  unwound = true;
                                  throw;
                              }
                          }));
                          crocus::yield_now();
                          failing_driver::current().failures = 1'000'000;
                          crocus::sleep(1ms);
                      }),
                      std::runtime_error);
    BOOST_TEST(unwound);
    BOOST_TEST(reports->empty());
}

BOOST_AUTO_TEST_CASE(a_task_that_cannot_be_ended_is_reported_and_its_handles_stay_safe) {
    static std::vector<crocus::any_task> kept;
    static crocus::future<void>* never = nullptr;
    std::shared_ptr<std::vector<std::string>> reports;
    BOOST_CHECK_THROW(run_virtual([&] {
                          reports = collect_reports();
                          never = new crocus::future<void>;
                          kept.emplace_back(create_task([] { crocus::defer_cancellation([] { never->get(); }); }));
                          crocus::yield_now();
                      }),
                      crocus::deadlock_error);
    BOOST_REQUIRE(reports->size() == 1U);
    BOOST_TEST(contains(reports->front(), "task 'Task-"));
    BOOST_TEST(contains(reports->front(), "event_loop.cpp:"));
    BOOST_TEST(contains(reports->front(), "still waits"));
    BOOST_TEST(kept.front().cancel());
    BOOST_TEST(!kept.front().done());
}
