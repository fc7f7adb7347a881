// Virtual time, and threads, which are real.
#define BOOST_TEST_MODULE testing_threads
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <semaphore>
#include <thread>
#include <vector>

#include <crocus/channel.hpp>
#include <crocus/concurrent_future.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/future.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

using crocus::create_task;
using crocus::event_loop;
namespace testing = crocus::testing;
using namespace std::chrono_literals;

namespace {

/// Has computed for so long that any loop which does not wait for it has gone on.
void take_long() {
    for (const auto end = crocus::clock::now() + 200us; crocus::clock::now() < end;) {
    }
}

crocus::duration since(crocus::time_point start) { return event_loop::current().now() - start; }

}  // namespace

BOOST_AUTO_TEST_CASE(time_stands_still_while_a_task_waits_for_a_thread) {  // O16, X3
    testing::for_each_seed(10, [] {
        const auto start = event_loop::current().now();
        bool slept = false;
        auto sleeper = create_task([&] {
            crocus::sleep(1h);
            slept = true;
        });
        const auto called = crocus::with_timeout(1s, [] {
            return crocus::to_thread([] {
                take_long();
                return 7;
            });
        });
        BOOST_TEST(called == 7);
        BOOST_TEST((since(start) == 0s));
        BOOST_TEST(!slept);
        sleeper.get();
        BOOST_TEST((since(start) == 1h));
    });
}

BOOST_AUTO_TEST_CASE(a_concurrent_future_is_waited_for_by_whatever_flow) {  // O16, F15
    testing::run([] {
        const auto start = event_loop::current().now();
        crocus::concurrent_promise<int> promise;
        crocus::concurrent_promise<int> wrapped;
        const auto first = promise.get_future();
        const auto second = crocus::wrap_future(wrapped.get_future());
        std::jthread other([&] {
            take_long();
            promise.set_result(1);
            take_long();
            wrapped.set_result(2);
        });
        const auto [a, b, c] = crocus::gather([&] { return first.get(); }, second,
                                              [] {
                                                  crocus::sleep(1h);
                                                  return 3;
                                              });
        BOOST_TEST(a + b + c == 6);
        BOOST_TEST((since(start) == 1h));
    });
}

BOOST_AUTO_TEST_CASE(an_item_of_another_thread_is_waited_for_where_no_timer_is_set) {  // O16
    testing::run([] {
        crocus::channel<int> items;
        std::jthread other([&] {
            take_long();
            items.put(7);
        });
        BOOST_TEST(items.get() == 7);
    });
}

BOOST_AUTO_TEST_CASE(so_it_is_however_many_tasks_wait_whose_memory_the_loop_looks_after) {  // O16
    testing::run([] {
        crocus::wait_queue nothing;
        std::vector<crocus::task<void>> waiting;
        for (int i = 0; i != 100; ++i) waiting.push_back(create_task([&] { nothing.wait(); }));
        crocus::sleep(1h);
        const auto start = event_loop::current().now();
        crocus::channel<int> items;
        std::jthread other([&] {
            take_long();
            items.put(7);
        });
        BOOST_TEST(items.get() == 7);
        BOOST_TEST((since(start) == 0s));
        nothing.notify_all();
        for (auto& task : waiting) task.get();
    });
}

BOOST_AUTO_TEST_CASE(a_channel_does_not_stop_time_it_may_be_a_task_of_this_loop_that_comes_later) {  // O16
    std::thread([] {}).join();
    testing::run([] {
        const auto start = event_loop::current().now();
        crocus::channel<int> items;
        auto putting = create_task([&] {
            crocus::sleep(1h);
            items.put(7);
        });
        BOOST_TEST(!items.get_for(1s).has_value());
        BOOST_TEST(items.get() == 7);
        BOOST_TEST((since(start) == 1h));
        putting.get();
    });
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_given_up_stops_no_time) {  // O16, X3
    std::binary_semaphore go(0);  // the call refers to it until run has seen it end
    testing::run([&] {
        const auto start = event_loop::current().now();
        auto calling = create_task([&] { crocus::to_thread([&] { go.acquire(); }, {.abandon_on_cancel = true}); });
        testing::wait_all_blocked();
        calling.cancel();
        BOOST_CHECK_THROW(calling.get(), crocus::cancelled_error);
        crocus::sleep(1h);  // passes at once, though the call goes on
        BOOST_TEST((since(start) == 1h));
        go.release();
    });
}

BOOST_AUTO_TEST_CASE(neither_a_call_that_nobody_waits_for_nor_a_held_loop_stops_time) {  // O16
    testing::run([] {
        const auto start = event_loop::current().now();
        std::binary_semaphore go(0);
        crocus::thread_pool_executor pool({.max_workers = 1});
        const auto call = pool.submit([&, loop = event_loop::current().ref()] { go.acquire(); });
        crocus::sleep(1h);
        BOOST_TEST((since(start) == 1h));
        go.release();
        call.get();
        BOOST_TEST((since(start) == 1h));
    });
}

BOOST_AUTO_TEST_CASE(a_thread_that_has_the_loop_may_still_wake_it_where_no_timer_is_set) {  // O16
    testing::run([] {
        crocus::future<void> posted;
        std::jthread other([&, loop = event_loop::current().ref()] {
            take_long();
            loop.call_soon([&] { posted.set_result(); });
        });
        posted.get();
    });
}

BOOST_AUTO_TEST_CASE(a_thread_that_waits_for_the_loop_lets_its_time_pass) {  // O16, T48
    testing::run([] {
        const auto start = event_loop::current().now();
        crocus::to_thread([loop = event_loop::current().ref()] {
            crocus::run_coroutine_threadsafe([] { crocus::sleep(1h); }, loop).get();
            take_long();
        });
        BOOST_TEST((since(start) == 1h));
    });
}

BOOST_AUTO_TEST_CASE(pools_are_shut_down_on_virtual_time) {  // O16, E17
    testing::run([] {
        const auto start = event_loop::current().now();
        std::atomic<int> ended{0};
        crocus::thread_pool_executor pool({.max_workers = 2});
        for (int i = 0; i != 8; ++i)
            static_cast<void>(pool.submit([&] {
                take_long();
                ++ended;
            }));
        auto sleeper = create_task([] { crocus::sleep(1h); });
        pool.shutdown(true);
        BOOST_TEST(ended == 8);
        BOOST_TEST((since(start) == 0s));
    });
    std::atomic<bool> ended{false};
    testing::run([&] {  // and the default one, with the loop
        static_cast<void>(event_loop::current().default_executor().submit([&] {
            take_long();
            ended = true;
        }));
    });
    BOOST_TEST(ended);
}

BOOST_AUTO_TEST_CASE(a_deadlock_is_found_though_there_were_threads) {  // O16
    testing::run([] {
        crocus::to_thread([] {});
        BOOST_CHECK_THROW(crocus::future<void>().get(), crocus::deadlock_error);
        crocus::future<void> never;
        crocus::coroutine<void> waits = [&] { never.get(); };
        static_cast<void>(waits.send());  // which has the loop's reference, but is its own
        BOOST_CHECK_THROW(crocus::future<void>().get(), crocus::deadlock_error);
        waits.close();
    });
}
