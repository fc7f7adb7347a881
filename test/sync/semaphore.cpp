#define BOOST_TEST_MODULE sync_semaphore
#include <crocus/sync/semaphore.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::semaphore;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(permits_limit_how_many_work_at_once) {  // Q7
    run_virtual([] {
        semaphore permits(3);
        int working = 0;
        int most = 0;
        const auto job = [&] {
            permits.acquire();
            most = std::max(most, ++working);
            crocus::sleep(10ms);
            --working;
            permits.release();
        };
        const auto start = event_loop::current().now();
        crocus::gather(std::vector(10, job));
        BOOST_TEST(most == 3);
        BOOST_TEST((event_loop::current().now() - start == 40ms));
        BOOST_TEST(!permits.locked());
    });
}

BOOST_AUTO_TEST_CASE(a_free_permit_is_taken_without_suspending) {  // Q7
    run_virtual([] {
        semaphore permits(2);
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        permits.acquire();
        BOOST_TEST(permits.try_acquire());
        BOOST_TEST(!other_ran);
        BOOST_TEST(permits.locked());
        BOOST_TEST(!permits.try_acquire());
        permits.release();
        BOOST_TEST(!permits.locked());
    });
}

BOOST_AUTO_TEST_CASE(a_released_permit_goes_to_the_longest_waiting_task_and_nobody_takes_it_on_the_way) {  // Q7
    run_virtual([] {
        semaphore permits(0);
        std::string log;
        std::vector<crocus::task<void>> tasks;
        for (const char name : {'a', 'b', 'c'})
            tasks.push_back(create_task([&, name] {
                permits.acquire();
                log += name;
            }));
        crocus::yield_now();
        permits.release();
        BOOST_TEST(permits.locked());  // handed over already
        BOOST_TEST(!permits.try_acquire());
        permits.release();
        crocus::yield_now();
        BOOST_TEST(log == "ab");
        permits.release();
        crocus::yield_now();
        BOOST_TEST(log == "abc");
        BOOST_TEST(permits.locked());
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_is_cancelled_while_it_waits_takes_no_permit) {  // Q7
    run_virtual([] {
        semaphore permits(0);
        auto a = create_task([&] { permits.acquire(); });
        auto b = create_task([&] { permits.acquire(); });
        crocus::yield_now();
        a.cancel();
        permits.release();
        b.get();
        BOOST_CHECK_THROW(a.get(), crocus::cancelled_error);
        BOOST_TEST(permits.locked());
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_is_cancelled_after_it_was_handed_a_permit_keeps_it) {  // Q7, and its deviation
    run_virtual([] {
        semaphore permits(0);
        bool acquired = false;
        auto a = create_task([&] {
            permits.acquire();
            acquired = true;
            struct back {
                semaphore& permits;
                ~back() { permits.release(); }
            } const back{permits};
            crocus::sleep(1s);
        });
        crocus::yield_now();
        permits.release();
        a.cancel();
        BOOST_CHECK_THROW(a.get(), crocus::cancelled_error);
        BOOST_TEST(acquired);
        BOOST_TEST(permits.try_acquire());
    });
}

BOOST_AUTO_TEST_CASE(a_permit_can_be_a_scopes) {
    run_virtual([] {
        semaphore permits(1);
        auto waiting = create_task([&] {
            const semaphore::permit held(permits);
            crocus::sleep(1s);
        });
        crocus::yield_now();
        BOOST_TEST(permits.locked());
        waiting.cancel();
        BOOST_CHECK_THROW(waiting.get(), crocus::cancelled_error);
        BOOST_TEST(permits.available() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(several_permits_released_at_once_let_as_many_go_on) {  // Q7
    run_virtual([] {
        semaphore permits(0);
        int went_on = 0;
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != 3; ++i)
            tasks.push_back(create_task([&] {
                permits.acquire();
                ++went_on;
            }));
        crocus::yield_now();
        permits.release(2);
        crocus::yield_now();
        BOOST_TEST(went_on == 2);
        permits.release(3);
        crocus::yield_now();
        BOOST_TEST(went_on == 3);
        BOOST_TEST(permits.available() == 2U);
        permits.release(0);
        BOOST_CHECK_THROW(permits.release(-1), std::invalid_argument);
        BOOST_TEST(permits.available() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(fewer_permits_than_none_are_an_error) {  // Q7
    BOOST_CHECK_THROW(semaphore(-1), std::invalid_argument);
    BOOST_CHECK_THROW(crocus::bounded_semaphore(-1), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_bounded_one_takes_no_more_permits_back_than_were_taken) {  // Q8
    run_virtual([] {
        crocus::bounded_semaphore permits(2);
        BOOST_CHECK_THROW(permits.release(), crocus::usage_error);
        permits.acquire();
        permits.release();
        BOOST_CHECK_THROW(permits.release(), crocus::usage_error);
        BOOST_TEST(permits.available() == 2U);
        permits.acquire();
        permits.acquire();
        auto waiting = create_task([&] { permits.acquire(); });
        crocus::yield_now();
        permits.release();  // to that one
        waiting.get();
        BOOST_TEST(permits.locked());
        const semaphore::permit held = [&]() -> semaphore::permit {
            permits.release();
            return semaphore::permit(permits.base());
        }();
        BOOST_TEST(permits.to_string() == "bounded_semaphore [locked]");
    });
}

BOOST_AUTO_TEST_CASE(a_bounded_one_that_was_given_more_behind_its_back_says_so) {  // Q8
    run_virtual([] {
        crocus::bounded_semaphore permits(1);
        permits.base().release();
        BOOST_CHECK_THROW(permits.release(), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(it_tells_its_state_and_how_many_wait) {  // Q15
    run_virtual([] {
        semaphore permits(1);
        BOOST_TEST(permits.to_string() == "semaphore [unlocked, value:1]");
        permits.acquire();
        auto waiting = create_task([&] { permits.acquire(); });
        crocus::yield_now();
        BOOST_TEST(permits.to_string() == "semaphore [locked, waiters:1]");
        permits.release();
        waiting.get();
    });
}

BOOST_AUTO_TEST_CASE(a_wait_for_a_permit_can_be_bounded) {
    run_virtual([] {
        semaphore permits(0);
        auto& loop = event_loop::current();
        const auto start = loop.now();
        BOOST_TEST(!permits.try_acquire_for(10ms));
        BOOST_TEST((loop.now() - start == 10ms));
        loop.call_later(5ms, [&] { permits.release(); });
        BOOST_TEST(permits.try_acquire_for(10ms));
        BOOST_TEST((loop.now() - start == 15ms));
        loop.call_later(5ms, [&] { permits.release(); });
        BOOST_TEST(permits.try_acquire_for(crocus::duration::max()));
        BOOST_TEST(permits.locked());
    });
}

BOOST_AUTO_TEST_CASE(a_permit_that_is_handed_over_as_the_time_runs_out_is_not_lost) {
    run_virtual([] {
        semaphore permits(0);
        std::optional<bool> acquired;
        auto waiting = create_task([&] { acquired = permits.try_acquire_for(10ms); });
        crocus::yield_now();
        event_loop::current().call_soon([&] {
            permits.release();
            crocus::test::advance(20ms);
        });
        waiting.get();
        BOOST_TEST(acquired.value() == permits.locked());
        BOOST_TEST(acquired.value());
    });
}

BOOST_AUTO_TEST_CASE(no_permit_is_lost_whatever_meets) {  // T11 of the users: an effect happened, or it did not
    run_virtual([] {
        constexpr std::size_t permits_there = 3;
        semaphore permits(permits_there);
        std::uint32_t seed = 1;
        const auto random = [&] { return seed = seed * 1664525 + 1013904223, seed >> 16; };
        const auto job = [&] {
            for (;;) {
                if (!permits.try_acquire_for(random() % 4 * 1ms)) continue;
                struct back {
                    semaphore& permits;
                    ~back() { permits.release(); }
                } const back{permits};
                crocus::sleep(random() % 3 * 1ms);
            }
        };
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != 2000; ++i) {
            if (tasks.size() < 12) tasks.push_back(create_task(job));
            if (random() % 2 != 0) tasks[random() % tasks.size()].cancel();
            crocus::sleep(random() % 3 * 1ms);
            std::erase_if(tasks, [](const auto& t) { return t.done(); });
        }
        for (auto& t : tasks) t.cancel();
        for (auto& t : tasks) BOOST_CHECK_THROW(t.get(), crocus::cancelled_error);
        for (std::size_t i = 0; i != permits_there; ++i) BOOST_TEST(permits.try_acquire());
        BOOST_TEST(!permits.try_acquire());
    });
}
