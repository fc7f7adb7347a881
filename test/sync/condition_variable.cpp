#define BOOST_TEST_MODULE sync_condition_variable
#include <crocus/sync/condition_variable.hpp>

#include <boost/test/unit_test.hpp>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::condition_variable;
using crocus::create_task;
using crocus::event_loop;
using crocus::mutex;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

using lock_type = std::unique_lock<mutex>;

namespace {

/// A condition, its lock, and tasks that wait for it and write their names when they go on.
struct scene {
    mutex m;
    condition_variable changed;
    std::string log;
    std::vector<crocus::task<void>> tasks;

    void add_waiting(char name) {
        tasks.push_back(create_task([this, name] {
            lock_type lock(m);
            changed.wait(lock);
            BOOST_TEST(m.locked());
            log += name;
        }));
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(waiting_gives_the_lock_up_and_has_it_again_at_the_end) {  // Q4
    run_virtual([] {
        scene s;
        s.add_waiting('a');
        crocus::yield_now();
        BOOST_TEST(!s.m.locked());
        s.m.lock();
        s.changed.notify_one();
        crocus::sleep(1s);
        BOOST_TEST(s.log.empty());  // notified, but the lock is not free
        s.m.unlock();
        s.tasks[0].get();
        BOOST_TEST(s.log == "a");
        BOOST_TEST(!s.m.locked());
    });
}

BOOST_AUTO_TEST_CASE(waiting_without_the_lock_is_an_error) {  // Q4
    run_virtual([] {
        scene s;
        lock_type lock(s.m, std::defer_lock);
        BOOST_CHECK_THROW(s.changed.wait(lock), crocus::usage_error);
        BOOST_CHECK_THROW(s.changed.wait(s.m), crocus::usage_error);
        s.m.lock();
        BOOST_CHECK((s.changed.wait_for(s.m, 1ms) == std::cv_status::timeout));
        s.changed.notify_all();  // nobody waits, and no lock is needed: as in C++
    });
}

BOOST_AUTO_TEST_CASE(so_many_as_were_notified_go_on_in_their_order) {  // Q6
    run_virtual([] {
        scene s;
        for (const char name : {'a', 'b', 'c', 'd', 'e'}) s.add_waiting(name);
        crocus::yield_now();
        s.changed.notify_one();
        crocus::sleep(1ms);
        BOOST_TEST(s.log == "a");
        s.changed.notify(2);
        crocus::sleep(1ms);
        BOOST_TEST(s.log == "abc");
        s.changed.notify_all();
        crocus::sleep(1ms);
        BOOST_TEST(s.log == "abcde");
        s.changed.notify(7);
    });
}

BOOST_AUTO_TEST_CASE(the_predicate_is_looked_at_before_and_after_each_wait) {  // Q6
    run_virtual([] {
        scene s;
        int value = 0;
        int looks = 0;
        auto waiting = create_task([&] {
            lock_type lock(s.m);
            s.changed.wait(lock, [&] { return ++looks, value == 2; });
        });
        for (; !waiting.done(); s.changed.notify_one()) {
            crocus::sleep(1ms);
            ++value;
        }
        BOOST_TEST(looks == 3);
        lock_type lock(s.m);
        s.changed.wait(lock, [] { return true; });  // at once
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_has_the_lock_before_it_goes_on) {  // Q4
    run_virtual([] {
        scene s;
        bool had_lock = false;
        auto waiting = create_task([&] {
            lock_type lock(s.m);
            try {
                s.changed.wait(lock);
            } catch (const crocus::cancelled_error&) {
                had_lock = lock.owns_lock() && s.m.locked();
                throw;
            }
        });
        crocus::yield_now();
        s.m.lock();
        waiting.cancel("first");
        crocus::sleep(1ms);
        BOOST_TEST(!waiting.done());  // it waits for the lock, whatever comes
        waiting.cancel("second");
        crocus::sleep(1ms);
        BOOST_TEST(!waiting.done());
        s.m.unlock();
        BOOST_TEST(cancellation_of([&] { waiting.get(); }) == "second");
        BOOST_TEST(had_lock);
        BOOST_TEST(!s.m.locked());
    });
}

BOOST_AUTO_TEST_CASE(several_cancellations_while_it_waits_for_the_lock_end_it_once) {  // Q4
    run_virtual([] {
        scene s;
        int cancelled = 0;
        auto waiting = create_task([&] {
            lock_type lock(s.m);
            try {
                s.changed.wait(lock);
            } catch (const crocus::cancelled_error&) {
                ++cancelled;
            }
            try {
                crocus::sleep(1ms);
            } catch (const crocus::cancelled_error&) {
                ++cancelled;
            }
        });
        crocus::yield_now();
        s.m.lock();
        for (int i = 0; i != 3; ++i) {
            waiting.cancel();
            crocus::yield_now();
        }
        s.m.unlock();
        waiting.get();
        BOOST_TEST(cancelled == 1);
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_after_it_was_notified_has_been_and_is_cancelled_at_its_next_wait) {  // Q5
    run_virtual([] {
        scene s;
        s.add_waiting('a');
        s.add_waiting('b');
        crocus::yield_now();
        s.changed.notify_one();
        s.tasks[0].cancel();
        BOOST_CHECK_THROW(s.tasks[0].get(), crocus::cancelled_error);  // delivered at its end: it waits no more
        BOOST_TEST(s.log == "a");
        s.changed.notify_one();
        s.tasks[1].get();
        BOOST_TEST(s.log == "ab");
    });
}

BOOST_AUTO_TEST_CASE(a_notification_finds_somebody_whoever_is_cancelled) {  // Q5
    run_virtual([] {
        for (int cancelled = 0; cancelled != 3; ++cancelled) {
            scene s;
            for (const char name : {'a', 'b', 'c'}) s.add_waiting(name);
            crocus::yield_now();
            s.tasks[static_cast<std::size_t>(cancelled)].cancel();
            s.changed.notify_one();
            crocus::sleep(1ms);
            BOOST_TEST(s.log.size() == 1U);
            s.changed.notify_all();
            for (auto& t : s.tasks) cancellation_of([&] { t.get(); });
        }
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_while_a_notified_one_waits_for_the_lock_is_held) {  // Q5
    run_virtual([] {
        scene s;
        bool cancelled_later = false;
        auto waiting = create_task([&] {
            {
                lock_type lock(s.m);
                s.changed.wait(lock);
            }
            try {
                crocus::sleep(1s);
            } catch (const crocus::cancelled_error&) {
                cancelled_later = true;
            }
        });
        crocus::yield_now();
        s.m.lock();
        s.changed.notify_one();
        crocus::yield_now();
        waiting.cancel();
        crocus::yield_now();
        s.m.unlock();
        waiting.get();
        BOOST_TEST(cancelled_later);
    });
}

BOOST_AUTO_TEST_CASE(waiting_can_be_bounded_and_has_the_lock_then_too) {
    run_virtual([] {
        scene s;
        auto& loop = event_loop::current();
        const auto start = loop.now();
        lock_type lock(s.m);
        BOOST_CHECK((s.changed.wait_for(lock, 10ms) == std::cv_status::timeout));
        BOOST_TEST((loop.now() - start == 10ms));
        BOOST_TEST(s.m.locked());
        loop.call_later(5ms, [&] { s.changed.notify_one(); });
        BOOST_CHECK((s.changed.wait_for(lock, 10ms) == std::cv_status::no_timeout));
        BOOST_TEST(!s.changed.wait_for(lock, 10ms, [] { return false; }));
        bool there = false;
        loop.call_later(5ms, [&] { there = true, s.changed.notify_one(); });
        BOOST_TEST(s.changed.wait_until(lock, loop.now() + 10ms, [&] { return there; }));
        BOOST_TEST((loop.now() - start == 30ms));
    });
}

BOOST_AUTO_TEST_CASE(a_stop_token_ends_the_wait) {
    run_virtual([] {
        scene s;
        std::stop_source source;
        bool there = false;
        auto waiting = create_task([&] {
            lock_type lock(s.m);
            return s.changed.wait(lock, source.get_token(), [&] { return there; });
        });
        crocus::yield_now();
        source.request_stop();
        BOOST_TEST(!waiting.get());
        BOOST_TEST(!s.m.locked());
        lock_type lock(s.m);
        BOOST_TEST(!s.changed.wait(lock, source.get_token(), [&] { return there; }));
        there = true;
        BOOST_TEST(s.changed.wait(lock, source.get_token(), [&] { return there; }));
    });
}

BOOST_AUTO_TEST_CASE(another_thread_may_request_the_stop) {
    crocus::run([] {
        scene s;
        std::jthread thread;
        lock_type lock(s.m);
        std::stop_source source;
        auto asks = create_task([&] { thread = std::jthread([&] { source.request_stop(); }); });
        BOOST_TEST(!s.changed.wait(lock, source.get_token(), [] { return false; }));
        asks.get();
    });
}

BOOST_AUTO_TEST_CASE(any_lock_will_do) {
    run_virtual([] {
        // What has lock() and unlock(), and nothing else.
        struct counting {
            mutex m;
            int locked = 0;
            void lock() { m.lock(), ++locked; }
            void unlock() { m.unlock(), --locked; }
        } lock;
        condition_variable changed;
        lock.lock();
        event_loop::current().call_soon([&] { changed.notify_one(); });
        changed.wait(lock);
        BOOST_TEST(lock.locked == 1);
        lock.unlock();
        std::unique_lock held(lock);
        event_loop::current().call_soon([&] { changed.notify_one(); });
        changed.wait(held);
        BOOST_TEST(lock.locked == 1);
    });
}

BOOST_AUTO_TEST_CASE(it_tells_how_many_wait) {  // Q15
    run_virtual([] {
        scene s;
        BOOST_TEST(s.changed.to_string() == "condition_variable [waiters:0]");
        s.add_waiting('a');
        crocus::yield_now();
        BOOST_TEST(s.changed.to_string() == "condition_variable [waiters:1]");
        s.changed.notify_all();
        s.tasks[0].get();
    });
}
