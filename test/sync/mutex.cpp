#define BOOST_TEST_MODULE sync_mutex
#include <crocus/sync/mutex.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::mutex;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(one_task_at_a_time_has_it_in_the_order_in_which_they_came) {  // Q1
    run_virtual([] {
        mutex m;
        std::string log;
        std::vector<crocus::task<void>> tasks;
        for (const char name : {'a', 'b', 'c'})
            tasks.push_back(create_task([&, name] {
                const std::lock_guard lock(m);
                log += name;
                crocus::sleep(1ms);
                log += name;
            }));
        for (auto& t : tasks) t.get();
        BOOST_TEST(log == "aabbcc");
        BOOST_TEST(!m.locked());
    });
}

BOOST_AUTO_TEST_CASE(a_free_one_is_locked_without_suspending) {  // Q1
    run_virtual([] {
        mutex m;
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        m.lock();
        BOOST_TEST(m.locked());
        m.unlock();
        BOOST_TEST(!m.locked());
        BOOST_TEST(!other_ran);
    });
}

BOOST_AUTO_TEST_CASE(
    unlocking_hands_it_to_who_has_waited_longest_and_nobody_takes_it_on_the_way) {  // Q1, and its deviation
    run_virtual([] {
        mutex m;
        std::string log;
        m.lock();
        auto waiting = create_task([&] {
            const std::lock_guard lock(m);
            log += "waiting ";
        });
        crocus::yield_now();
        m.unlock();
        BOOST_TEST(m.locked());  // Python would say no, and let nobody in all the same
        BOOST_TEST(!m.try_lock());
        m.lock();
        log += "newcomer";
        m.unlock();
        BOOST_TEST(log == "waiting newcomer");
    });
}

BOOST_AUTO_TEST_CASE(unlocking_one_that_is_not_locked_is_an_error) {  // Q1
    run_virtual([] {
        mutex m;
        BOOST_CHECK_THROW(m.unlock(), crocus::usage_error);
        m.lock();
        m.unlock();
        BOOST_CHECK_THROW(m.unlock(), crocus::usage_error);
        BOOST_TEST(m.try_lock());
    });
}

BOOST_AUTO_TEST_CASE(any_task_may_unlock_it) {  // Q1: there is no owner check
    run_virtual([] {
        mutex m;
        m.lock();
        create_task([&] { m.unlock(); }).get();
        BOOST_TEST(!m.locked());
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_while_it_waits_has_not_locked_it) {  // Q2
    run_virtual([] {
        mutex m;
        m.lock();
        auto a = create_task([&] { m.lock(); });
        auto b = create_task([&] {
            m.lock();
            m.unlock();
        });
        crocus::yield_now();
        a.cancel();
        m.unlock();
        b.get();
        BOOST_CHECK_THROW(a.get(), crocus::cancelled_error);
        BOOST_TEST(!m.locked());
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_after_it_was_handed_over_has_it_and_gives_it_on) {  // Q2, and its deviation
    run_virtual([] {
        mutex m;
        m.lock();
        int holders = 0;
        const auto hold = [&] {
            const std::lock_guard lock(m);
            BOOST_TEST(++holders == 1);  // only one ever
            struct leave {
                int& holders;
                ~leave() { --holders; }
            } const at_end{holders};
            crocus::sleep(1ms);
        };
        auto a = create_task(hold);
        auto b = create_task(hold);
        crocus::yield_now();
        m.unlock();
        a.cancel();
        BOOST_CHECK_THROW(a.get(), crocus::cancelled_error);
        b.get();
        BOOST_TEST(!m.locked());
    });
}

BOOST_AUTO_TEST_CASE(locking_can_be_bounded) {
    run_virtual([] {
        mutex m;
        auto& loop = event_loop::current();
        const auto start = loop.now();
        m.lock();
        BOOST_TEST(!m.try_lock_for(10ms));
        BOOST_TEST((loop.now() - start == 10ms));
        loop.call_later(5ms, [&] { m.unlock(); });
        BOOST_TEST(m.try_lock_until(loop.now() + 10ms));
        BOOST_TEST((loop.now() - start == 15ms));
        BOOST_TEST(m.locked());
    });
}

BOOST_AUTO_TEST_CASE(the_standard_locks_work_with_it) {  // Q1
    run_virtual([] {
        mutex a;
        mutex b;
        // Crosswise, which would be a deadlock with two lock_guards.
        const auto take = [](mutex& first, mutex& second) {
            for (int i = 0; i != 10; ++i) {
                const std::scoped_lock lock(first, second);
                crocus::sleep(1ms);
            }
        };
        crocus::gather([&] { take(a, b); }, [&] { take(b, a); });
        std::unique_lock lock(a, std::defer_lock);
        lock.lock();
        BOOST_TEST(a.locked());
        BOOST_TEST(!std::unique_lock(a, 5ms).owns_lock());
        lock.unlock();
        BOOST_TEST(!a.locked());
    });
}

BOOST_AUTO_TEST_CASE(it_tells_its_state_and_how_many_wait) {  // Q15
    run_virtual([] {
        mutex m;
        BOOST_TEST(m.to_string() == "mutex [unlocked]");
        m.lock();
        auto waiting = create_task([&] { m.lock(); });
        crocus::yield_now();
        BOOST_TEST(m.to_string() == "mutex [locked, waiters:1]");
        m.unlock();
        waiting.get();
        BOOST_TEST(m.to_string() == "mutex [locked]");
    });
}

BOOST_AUTO_TEST_CASE(who_waits_for_one_that_is_destroyed_gets_an_error) {
    run_virtual([] {
        auto m = std::make_unique<mutex>();
        m->lock();
        auto waiting = create_task([&] { m->lock(); });
        auto bounded = create_task([&] { static_cast<void>(m->try_lock_for(1s)); });
        crocus::yield_now();
        m.reset();
        BOOST_CHECK_THROW(waiting.get(), crocus::usage_error);
        BOOST_CHECK_THROW(bounded.get(), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(tasks_of_two_loops_cannot_wait_for_it) {  // the rules' note before Q1: ambiguous_loops
    mutex m;
    event_loop first(std::make_unique<crocus::testing::virtual_time_driver>());
    event_loop second(std::make_unique<crocus::testing::virtual_time_driver>());
    std::optional<crocus::task<void>> waiting;
    first.run_until_complete([&] {
        m.lock();
        waiting = create_task([&] { m.lock(); });
        crocus::yield_now();
    });
    BOOST_CHECK_THROW(second.run_until_complete([&] { m.lock(); }), crocus::wrong_loop);
    first.run_until_complete([&] { m.unlock(); });
    second.run_until_complete([&] { BOOST_TEST(!m.try_lock()); });
    first.run_until_complete([&] { waiting->get(); });
}

BOOST_AUTO_TEST_CASE(debug_mode_refuses_it_to_callbacks) {
    run_virtual([] {
        auto reports = crocus::test::collect_reports();
        auto& loop = event_loop::current();
        loop.set_debug(true);
        mutex m;
        loop.call_soon([&] { m.lock(); });
        crocus::yield_now();
        BOOST_TEST(reports->size() == 1U);
        BOOST_TEST(!m.locked());
    });
}
