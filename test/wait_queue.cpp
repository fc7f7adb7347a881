#define BOOST_TEST_MODULE wait_queue
#include <crocus/wait_queue.hpp>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::wait_queue;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

// ---------------------------------------------------------------------------------------------------------- the queue

BOOST_AUTO_TEST_CASE(who_came_first_is_notified_first) {
    run_virtual([] {
        wait_queue queue;
        std::string log;
        std::vector<crocus::task<void>> tasks;
        for (const char name : {'a', 'b', 'c', 'd'})
            tasks.push_back(create_task([&, name] {
                queue.wait();
                log += name;
            }));
        BOOST_TEST(!queue.notify_one());
        crocus::yield_now();
        BOOST_TEST(queue.notify_one());
        crocus::yield_now();
        BOOST_TEST(log == "a");
        BOOST_TEST(queue.notify_all() == 3U);
        BOOST_TEST(queue.empty());
        crocus::yield_now();
        BOOST_TEST(log == "abcd");
    });
}

BOOST_AUTO_TEST_CASE(waits_may_end_in_vain_and_those_who_were_notified_are_not_among_them) {
    run_virtual([] {
        wait_queue queue;
        std::string log;
        const auto waiting = [&](bool timed) {
            return create_task([&, timed] {
                wait_queue::parked w;
                if (timed)
                    BOOST_TEST(queue.wait_until(w, crocus::event_loop::current().time_after(1s)));
                else
                    queue.wait(w);
                log += w.was_notified() ? "notified " : "in vain ";
            });
        };
        auto first = waiting(false), second = waiting(false), third = waiting(true);
        crocus::yield_now();
        queue.notify_one();
        queue.refuse_all();
        BOOST_TEST(queue.empty());
        third.get();
        BOOST_TEST(log == "notified in vain in vain ");
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_leaves_the_queue_and_the_others_keep_their_order) {
    run_virtual([] {
        wait_queue queue;
        std::string log;
        std::vector<crocus::task<void>> tasks;
        for (const char name : {'a', 'b', 'c', 'd'})
            tasks.push_back(create_task([&, name] {
                queue.wait();
                log += name;
            }));
        crocus::yield_now();
        for (const std::size_t i : {0U, 2U}) tasks[i].cancel();
        BOOST_TEST(queue.notify_all() == 2U);
        crocus::yield_now();
        BOOST_TEST(log == "bd");
        BOOST_TEST(tasks[0].cancelled());
        BOOST_TEST(tasks[2].cancelled());
        tasks[3].get();
    });
}

BOOST_AUTO_TEST_CASE(a_notification_is_not_undone_by_a_cancellation_that_follows_it) {  // T6, and its deviation
    run_virtual([] {
        wait_queue queue;
        std::string log;
        auto waiting = create_task([&] {
            queue.wait();
            log += "notified ";
            log += cancellation_of([] { crocus::sleep(1s); });
        });
        crocus::yield_now();
        queue.notify_one();
        waiting.cancel("afterwards");
        waiting.get();
        BOOST_TEST(log == "notified afterwards");
    });
}

BOOST_AUTO_TEST_CASE(a_waiter_whose_frame_goes_leaves_the_queue) {
    run_virtual([] {
        wait_queue queue;
        auto cancelled = create_task([&] { queue.wait(); });
        auto timed_out = create_task([&] { queue.wait_until(event_loop::current().now() + 1ms); });
        crocus::yield_now();
        cancelled.cancel();
        timed_out.get();
        BOOST_TEST(queue.empty());
        BOOST_TEST(!queue.notify_one());
    });
}

// -------------------------------------------------------------------------------------------------------- time limits

BOOST_AUTO_TEST_CASE(a_wait_ends_at_its_deadline) {
    run_virtual([] {
        wait_queue queue;
        auto& loop = event_loop::current();
        const auto start = loop.now();
        BOOST_TEST(!queue.wait_until(start + 10ms));
        BOOST_TEST((loop.now() - start == 10ms));
        BOOST_TEST(queue.empty());
        BOOST_TEST(!queue.wait_until(start));
    });
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_notified_in_time_leaves_no_timer) {
    run_virtual([] {
        wait_queue queue;
        auto& loop = event_loop::current();
        loop.call_soon([&] { queue.notify_one(); });
        BOOST_TEST(queue.wait_until(loop.now() + 1h));
        const auto start = loop.now();
        BOOST_CHECK_THROW(queue.wait(), crocus::deadlock_error);
        BOOST_TEST((loop.now() == start));
    });
}

BOOST_AUTO_TEST_CASE(a_notification_wins_over_a_deadline_that_passes_before_the_waiter_runs) {
    run_virtual([] {
        wait_queue queue;
        std::optional<bool> notified;
        auto waiting = create_task([&] { notified = queue.wait_until(event_loop::current().now() + 10ms); });
        crocus::yield_now();
        event_loop::current().call_soon([&] {
            queue.notify_one();
            crocus::test::advance(20ms);  // the loop sees to timers before it comes to the waiter
        });
        waiting.get();
        BOOST_TEST(notified.value());
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_wins_over_a_deadline_that_passes_before_the_waiter_runs) {
    run_virtual([] {
        wait_queue queue;
        auto waiting = create_task([&] { queue.wait_until(event_loop::current().now() + 10ms); });
        crocus::yield_now();
        event_loop::current().call_soon([&] {
            waiting.cancel("first");
            crocus::test::advance(20ms);
        });
        BOOST_TEST(cancellation_of([&] { waiting.get(); }) == "first");
    });
}

BOOST_AUTO_TEST_CASE(a_deadline_that_has_passed_wins_over_a_later_notification) {
    run_virtual([] {
        wait_queue queue;
        auto& loop = event_loop::current();
        loop.call_at(loop.now() + 10ms, [&] { BOOST_TEST(!queue.notify_one()); });
        BOOST_TEST(!queue.wait_until(loop.now() + 10ms));
    });
}

// -------------------------------------------------------------------------------------------------------------- sleep

BOOST_AUTO_TEST_CASE(sleepers_wake_in_the_order_of_their_times) {  // C21
    run_virtual([] {
        std::string log;
        std::vector<crocus::task<void>> tasks;
        for (const int ms : {3, 1, 2, 1})
            tasks.push_back(create_task([&, ms] {
                crocus::sleep(ms * 1ms);
                log += std::to_string(ms);
            }));
        for (auto& t : tasks) t.get();
        BOOST_TEST(log == "1123");
    });
}

BOOST_AUTO_TEST_CASE(sleeping_for_no_time_lets_all_others_have_one_turn) {  // C17, C21, I5
    run_virtual([] {
        std::string log;
        const auto start = event_loop::current().now();
        auto other = create_task([&] {
            log += 'a';
            crocus::yield_now();
            log += 'b';
        });
        crocus::sleep(0ms);
        BOOST_TEST(log == "a");
        crocus::sleep(-1h);
        BOOST_TEST(log == "ab");
        BOOST_TEST((event_loop::current().now() == start));
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_sleep_leaves_no_timer) {  // C21
    run_virtual([] {
        auto sleeper = create_task([] { crocus::sleep(1h); });
        crocus::yield_now();
        sleeper.cancel();
        const auto start = event_loop::current().now();
        BOOST_CHECK_THROW(crocus::future<void>().get(), crocus::deadlock_error);
        BOOST_TEST((event_loop::current().now() == start));
    });
}

BOOST_AUTO_TEST_CASE(a_sleep_may_be_as_long_as_durations_go) {
    run_virtual([] {
        auto forever = create_task([] { crocus::sleep(crocus::duration::max()); });
        const auto later = event_loop::current().call_later(crocus::duration::max(), [] {});
        crocus::sleep(1h);
        BOOST_TEST(!forever.done());
        forever.cancel();
        BOOST_CHECK_THROW(forever.get(), crocus::cancelled_error);
    });
}

BOOST_AUTO_TEST_CASE(a_yield_raises_a_cancellation_that_came_before_and_one_that_comes_meanwhile) {  // T5, T8
    run_virtual([] {
        auto& main = event_loop::current().main_agent();
        main.cancel("before");
        BOOST_TEST(cancellation_of([] { crocus::yield_now(); }) == "before");
        event_loop::current().call_soon([&] { main.cancel("meanwhile"); });
        BOOST_TEST(cancellation_of([] { crocus::yield_now(); }) == "meanwhile");
        BOOST_TEST(cancellation_of([] { crocus::yield_now(); }) == "none");
    });
}

// ------------------------------------------------------------------------------------------- cancellation that is held

BOOST_AUTO_TEST_CASE(a_deferred_cancellation_is_raised_at_the_next_wait_outside) {
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            const int result = crocus::defer_cancellation([&] {
                crocus::sleep(1ms);
                crocus::defer_cancellation([] { crocus::sleep(1ms); });
                crocus::sleep(1ms);
                log += "all of it, ";
                return 7;
            });
            BOOST_TEST(result == 7);
            log += "then ";
            log += cancellation_of([] { crocus::sleep(1ms); });
            log += ", once: " + cancellation_of([] { crocus::sleep(1ms); });
        });
        crocus::yield_now();
        t.cancel("the request");
        t.get();
        BOOST_TEST(log == "all of it, then the request, once: none");
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_is_held_while_an_exception_unwinds) {
    run_virtual([] {
        std::string log;
        struct says_goodbye {
            std::string& log;
            ~says_goodbye() {
                crocus::sleep(1ms);
                log += "goodbye, ";
            }
        };
        auto t = create_task([&] {
            try {
                const says_goodbye g{log};
                throw std::runtime_error("an error");
            } catch (const std::runtime_error& e) {
                log += e.what();
            }
            log += ", " + cancellation_of([] { crocus::sleep(1ms); });
        });
        crocus::yield_now();
        t.cancel("cancelled");  // while the destructor sleeps
        t.get();
        BOOST_TEST(log == "goodbye, an error, cancelled");
    });
}

BOOST_AUTO_TEST_CASE(a_reference_goes_through_defer_cancellation) {
    run_virtual([] {
        int i = 0;
        crocus::defer_cancellation([&]() -> int& { return i; }) = 5;
        BOOST_TEST(i == 5);
    });
}

// -------------------------------------------------------------------------------------------------- what belongs to a
// task

BOOST_AUTO_TEST_CASE(errno_belongs_to_the_task) {
    run_virtual([] {
        auto other = create_task([] {
            errno = 11;
            crocus::yield_now();
            const int after_yield = errno;
            errno = 12;
            crocus::sleep(1ms);
            BOOST_TEST(after_yield == 11);
            BOOST_TEST(errno == 12);
        });
        errno = 21;
        crocus::yield_now();
        const int after_yield = errno;
        errno = 22;
        other.get();
        const int after_get = errno;
        BOOST_TEST(after_yield == 21);
        BOOST_TEST(after_get == 22);
    });
}

BOOST_AUTO_TEST_CASE(what_a_generator_awaits_its_resumer_awaits) {
    run_virtual([] {
        const auto ticks = [](int n) {
            return crocus::generator<int>([n](auto& yield) {
                for (int i = 0; i != n; ++i) {
                    crocus::sleep(10ms);
                    yield(i);
                }
            });
        };
        std::string log;
        const auto consume = [&](char name) {
            for (const int i : ticks(3)) log += name + std::to_string(i) + ' ';
        };
        auto a = create_task([&] { consume('a'); });
        auto b = create_task([&] { consume('b'); });
        a.get();
        b.get();
        BOOST_TEST(log == "a0 b0 a1 b1 a2 b2 ");
    });
}

// G82
BOOST_AUTO_TEST_CASE(a_generator_that_awaits_counts_as_running) {
    run_virtual([] {
        crocus::generator<int> slow([](auto& yield) {
            crocus::sleep(1s);
            yield(1);
        });
        auto first = create_task([&] { BOOST_TEST(*slow.next() == 1); });
        crocus::yield_now();
        BOOST_CHECK_THROW(slow.next(), crocus::generator_already_executing);
        first.get();
    });
}

BOOST_AUTO_TEST_CASE(cancelling_a_task_raises_in_the_generator_that_awaits_for_it) {
    run_virtual([] {
        std::string log;
        crocus::generator<int> slow([&](auto& yield) {
            log += cancellation_of([] { crocus::sleep(1s); });
            yield(1);
        });
        auto t = create_task([&] { BOOST_TEST(*slow.next() == 1); });
        crocus::yield_now();
        t.cancel("inside");
        t.get();
        BOOST_TEST(log == "inside");
    });
}
