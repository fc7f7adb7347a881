#define BOOST_TEST_MODULE wait_queue_allocations
#include <boost/test/unit_test.hpp>
#include <mutex>

#include <crocus/sync/barrier.hpp>
#include <crocus/sync/condition_variable.hpp>
#include <crocus/sync/event.hpp>
#include <crocus/sync/mutex.hpp>
#include <crocus/sync/once_flag.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>

#include "support/counted_allocations.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(no_primitive_takes_memory_for_waiting_or_waking) {
    crocus::test::run_virtual([] {
        crocus::mutex mutex;
        crocus::condition_variable changed;
        crocus::semaphore there(0);
        crocus::semaphore back(0);
        crocus::event happened;
        crocus::barrier round(2);
        bool turn = false;
        const auto step = [&](bool first) {
            {
                const std::lock_guard lock(mutex);
                crocus::yield_now();  // the other one comes to wait
            }
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return turn == first; });
                turn = !first;
                changed.notify_one();
                static_cast<void>(changed.wait_for(lock, 1ms, [] { return false; }));
            }
            if (first) there.release(), back.acquire();
            if (!first) there.acquire(), back.release();
            if (first) happened.set();
            happened.wait();
            static_cast<void>(back.try_acquire_for(1ms));
            round.arrive_and_wait();
            happened.clear();
            round.arrive_and_wait();
            crocus::once_flag once;
            crocus::call_once(once, [] { crocus::yield_now(); });
        };
        constexpr int warm = 3;
        constexpr int rounds = 100;
        std::size_t before = 0;
        auto other = create_task([&] {
            for (int i = 0; i != warm + rounds; ++i) step(false);
        });
        for (int i = 0; i != warm + rounds; ++i) {
            if (i == warm) before = crocus::test::allocations;
            step(true);
        }
        BOOST_TEST(crocus::test::allocations == before);
        other.get();
    });
}
