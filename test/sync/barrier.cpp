#define BOOST_TEST_MODULE sync_barrier
#include <crocus/sync/barrier.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>

#include "support/virtual_time.hpp"

using crocus::barrier;
using crocus::create_task;
using crocus::event_loop;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

/// So many tasks that have come to the barrier, and wait.
std::vector<crocus::task<std::size_t>> arrive(barrier& at, std::size_t count) {
    std::vector<crocus::task<std::size_t>> tasks;
    for (std::size_t i = 0; i != count; ++i) tasks.push_back(create_task([&at] { return at.arrive_and_wait(); }));
    crocus::yield_now();
    return tasks;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_complete_party_passes_each_with_its_place) {  // Q9
    run_virtual([] {
        barrier b(3);
        auto tasks = arrive(b, 2);
        BOOST_TEST(b.waiting() == 2U);
        BOOST_TEST(b.arrive_and_wait() == 2U);
        BOOST_TEST(b.waiting() == 0U);
        BOOST_TEST(tasks[0].get() == 0U);
        BOOST_TEST(tasks[1].get() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(the_last_one_does_not_wait) {  // Q9
    run_virtual([] {
        barrier b(1);
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        BOOST_TEST(b.arrive_and_wait() == 0U);
        BOOST_TEST(!other_ran);
    });
}

BOOST_AUTO_TEST_CASE(a_party_of_none_is_an_error) {  // Q9
    BOOST_CHECK_THROW(barrier(0), std::invalid_argument);
    BOOST_TEST(barrier(3).parties() == 3U);
}

BOOST_AUTO_TEST_CASE(who_comes_next_is_of_the_next_party_before_all_of_this_one_have_run) {  // Q9, and its deviation
    run_virtual([] {
        barrier b(2);
        auto tasks = arrive(b, 1);
        b.arrive_and_wait();
        BOOST_TEST(!tasks[0].done());
        auto next = create_task([&] { return b.arrive_and_wait(); });
        BOOST_TEST(b.arrive_and_wait() == 0U);  // before that one has begun
        BOOST_TEST(next.get() == 1U);
        BOOST_TEST(tasks[0].get() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(rounds_never_mix) {  // Q9
    run_virtual([] {
        constexpr int parties = 4;
        barrier b(parties);
        int arrived = 0;
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != parties; ++i)
            tasks.push_back(create_task([&, i] {
                for (int round = 1; round != 50; ++round) {
                    crocus::sleep((i * 7 + round) % 5 * 1ms);
                    ++arrived;
                    b.arrive_and_wait();
                    BOOST_TEST(arrived >= round * parties);
                    BOOST_TEST(arrived < (round + 1) * parties);
                }
            }));
        for (auto& t : tasks) t.get();
    });
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_leaves_and_breaks_nothing) {  // Q9
    run_virtual([] {
        barrier b(3);
        auto tasks = arrive(b, 2);
        tasks[0].cancel();
        BOOST_CHECK_THROW(tasks[0].get(), crocus::cancelled_error);
        BOOST_TEST(b.waiting() == 1U);
        BOOST_TEST(!b.broken());
        auto more = arrive(b, 1);
        BOOST_TEST(b.arrive_and_wait() == 2U);
        BOOST_TEST(tasks[1].get() == 0U);  // places are unique, whoever left
        BOOST_TEST(more[0].get() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(one_that_was_cancelled_has_left_before_it_has_run) {  // Q9
    run_virtual([] {
        barrier b(3);
        auto tasks = arrive(b, 2);
        tasks[1].cancel();
        BOOST_TEST(b.waiting() == 1U);
        auto last = create_task([&] { return b.arrive_and_wait(); });
        BOOST_TEST(b.arrive_and_wait() == 1U);  // waits for that one
        BOOST_TEST(last.get() == 2U);
        BOOST_TEST(tasks[0].get() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_after_its_party_was_complete_has_passed) {  // Q9, and T6's deviation
    run_virtual([] {
        barrier b(2);
        std::optional<std::size_t> place;
        auto task = create_task([&] { place = b.arrive_and_wait(); });
        crocus::yield_now();
        b.arrive_and_wait();
        task.cancel();
        BOOST_CHECK_THROW(task.get(), crocus::cancelled_error);
        BOOST_TEST(place.value() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(reset_turns_those_away_who_wait) {  // Q9
    run_virtual([] {
        barrier b(3);
        auto tasks = arrive(b, 2);
        b.reset();
        for (auto& t : tasks) BOOST_CHECK_THROW(t.get(), crocus::broken_barrier);
        BOOST_TEST(!b.broken());
        tasks = arrive(b, 2);
        BOOST_TEST(b.arrive_and_wait() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(reset_does_nothing_to_those_who_have_passed) {  // Q9, and its deviation
    run_virtual([] {
        barrier b(2);
        auto tasks = arrive(b, 1);
        b.arrive_and_wait();
        b.reset();
        BOOST_TEST(tasks[0].get() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(abort_breaks_it_until_reset) {  // Q9
    run_virtual([] {
        barrier b(3);
        auto tasks = arrive(b, 2);
        b.abort();
        BOOST_TEST(b.broken());
        for (auto& t : tasks) BOOST_CHECK_THROW(t.get(), crocus::broken_barrier);
        BOOST_CHECK_THROW(b.arrive_and_wait(), crocus::broken_barrier);
        BOOST_TEST(b.waiting() == 0U);
        b.reset();
        BOOST_TEST(!b.broken());
        tasks = arrive(b, 2);
        BOOST_TEST(b.arrive_and_wait() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(waiting_can_be_bounded_and_who_gives_up_is_not_of_the_party) {
    run_virtual([] {
        barrier b(2);
        auto& loop = event_loop::current();
        const auto start = loop.now();
        BOOST_TEST(!b.arrive_and_wait_for(10ms).has_value());
        BOOST_TEST((loop.now() - start == 10ms));
        BOOST_TEST(b.waiting() == 0U);
        auto tasks = arrive(b, 1);
        BOOST_TEST(b.arrive_and_wait_until(loop.now() + 10ms).value() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(it_tells_its_state_and_how_many_wait) {  // Q15
    run_virtual([] {
        barrier b(3);
        auto tasks = arrive(b, 1);
        BOOST_TEST(b.to_string() == "barrier [filling, 1/3, waiters:1]");
        b.abort();
        BOOST_TEST(b.to_string() == "barrier [broken]");
        BOOST_CHECK_THROW(tasks[0].get(), crocus::broken_barrier);
    });
}

BOOST_AUTO_TEST_CASE(who_waits_for_one_that_is_destroyed_gets_an_error) {
    run_virtual([] {
        auto b = std::make_unique<barrier>(2);
        auto tasks = arrive(*b, 1);
        b.reset();
        BOOST_CHECK_THROW(tasks[0].get(), crocus::usage_error);
    });
}
