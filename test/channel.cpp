// What a channel does within one loop, on virtual time, and on threads without one. Several at once:
// channel/threads.cpp.
#define BOOST_TEST_MODULE channel
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <crocus/channel.hpp>
#include <crocus/concurrent_future.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>

#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

using crocus::channel;
using crocus::create_task;
using crocus::event_loop;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

using numbers = std::vector<int>;

/// All that is in it.
template <class T>
std::vector<T> drained(channel<T>& from) {
    std::vector<T> all;
    while (!from.empty()) all.push_back(from.get());
    return all;
}

}  // namespace

// ----------------------------------------------------------------------------------------------------- without a wait

BOOST_AUTO_TEST_CASE(items_come_out_in_the_order_in_which_they_went_in) {  // Q10
    channel<int> c;
    for (int i : {1, 2, 3}) c.put(i);
    BOOST_TEST(c.size() == 3U);
    BOOST_TEST(drained(c) == (numbers{1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(c.empty());
}

BOOST_AUTO_TEST_CASE(an_item_need_not_be_assignable) {
    struct job {
        const int number;
        std::unique_ptr<int> work;
    };
    channel<job> c(1);
    c.put(job{1, std::make_unique<int>(10)});
    job second{2, std::make_unique<int>(20)};
    BOOST_TEST(!c.try_put(std::move(second)));
    BOOST_TEST(*second.work == 20);  // still the caller's
    const job first = c.get();
    BOOST_TEST(first.number == 1);
    BOOST_TEST(*first.work == 10);
}

BOOST_AUTO_TEST_CASE(a_channel_without_a_limit_is_never_full) {  // Q10
    channel<int> c;
    BOOST_TEST(c.capacity() == 0U);
    for (int i = 0; i != 1000; ++i) c.put(i);
    BOOST_TEST(!c.full());
    BOOST_TEST(c.size() == 1000U);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_stays_with_who_tries) {  // Q10
    channel<std::unique_ptr<int>> c(1);
    BOOST_TEST(c.try_put(std::make_unique<int>(1)));
    BOOST_TEST(c.full());
    auto second = std::make_unique<int>(2);
    BOOST_TEST(!c.try_put(std::move(second)));
    BOOST_TEST(!c.put_for(1ms, std::move(second)));
    BOOST_REQUIRE(second != nullptr);
    BOOST_TEST(*c.get() == 1);
    BOOST_TEST(c.try_put(std::move(second)));
    BOOST_TEST(second == nullptr);
    BOOST_TEST(**c.try_get() == 2);
    BOOST_TEST(!c.try_get());
    BOOST_TEST(!c.get_for(1ms));
}

BOOST_AUTO_TEST_CASE(items_that_are_left_are_destroyed) {
    const auto item = std::make_shared<int>(1);
    {
        channel<std::shared_ptr<int>> c;
        c.put(item);
        c.put(item);
        BOOST_TEST(item.use_count() == 3);
    }
    BOOST_TEST(item.use_count() == 1);
}

// ------------------------------------------------------------------------------------------------------------ shutdown

BOOST_AUTO_TEST_CASE(a_channel_that_was_shut_down_takes_nothing_and_gives_what_it_has) {  // Q13
    channel<int> c;
    c.put(1);
    c.shutdown();
    BOOST_TEST(c.is_shut_down());
    int two = 2;
    BOOST_CHECK_THROW(c.put(2), crocus::queue_shut_down);
    BOOST_CHECK_THROW(static_cast<void>(c.try_put(std::move(two))), crocus::queue_shut_down);
    BOOST_CHECK_THROW(static_cast<void>(c.put_for(1s, std::move(two))), crocus::queue_shut_down);
    BOOST_TEST(c.get() == 1);
    BOOST_CHECK_THROW(c.get(), crocus::queue_shut_down);
    BOOST_CHECK_THROW(static_cast<void>(c.try_get()), crocus::queue_shut_down);
    BOOST_CHECK_THROW(static_cast<void>(c.get_for(1s)), crocus::queue_shut_down);
}

BOOST_AUTO_TEST_CASE(a_full_channel_that_was_shut_down_says_so_and_not_that_it_is_full) {  // Q13
    channel<int> c(1);
    c.put(1);
    c.shutdown();
    BOOST_CHECK_THROW(static_cast<void>(c.try_put(2)), crocus::queue_shut_down);
}

BOOST_AUTO_TEST_CASE(an_immediate_shutdown_destroys_what_is_there) {  // Q13
    const auto item = std::make_shared<int>(1);
    channel<std::shared_ptr<int>> c;
    c.put(item);
    c.shutdown(true);
    BOOST_TEST(item.use_count() == 1);
    BOOST_TEST(c.empty());
    BOOST_CHECK_THROW(c.get(), crocus::queue_shut_down);
}

BOOST_AUTO_TEST_CASE(a_shutdown_ends_all_waits) {  // Q13
    run_virtual([] {
        channel<int> empty;
        channel<int> full(1);
        full.put(1);
        auto getter = create_task([&] { return empty.get(); });
        auto putter = create_task([&] { full.put(2); });
        crocus::yield_now();
        empty.shutdown();
        full.shutdown();
        BOOST_CHECK_THROW(getter.get(), crocus::queue_shut_down);
        BOOST_CHECK_THROW(putter.get(), crocus::queue_shut_down);
        BOOST_TEST(drained(full) == numbers{1}, boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(an_iteration_ends_when_the_channel_is_shut_down_and_empty) {
    run_virtual([] {
        channel<std::string> c(1);
        auto producer = create_task([&] {
            for (const char* item : {"a", "b", "c"}) c.put(item);
            c.shutdown();
        });
        std::string all;
        for (std::string& item : c) all += item;
        BOOST_TEST(all == "abc");
        producer.get();
    });
}

// ------------------------------------------------------------------------------------------------------- waits in a
// loop

BOOST_AUTO_TEST_CASE(who_waits_is_served_in_order_and_nobody_overtakes) {  // Q10
    run_virtual([] {
        channel<int> c;
        std::string log;
        const auto getter = [&](char name) {
            return create_task([&log, &c, name] { log += name + std::to_string(c.get()) + ' '; });
        };
        auto a = getter('a');
        auto b = getter('b');
        crocus::yield_now();
        c.put(1);
        BOOST_TEST(c.empty());
        BOOST_TEST(!c.try_get());  // it is a's
        c.put(2);
        c.put(3);
        BOOST_TEST(*c.try_get() == 3);
        a.get();
        b.get();
        BOOST_TEST(log == "a1 b2 ");
    });
}

BOOST_AUTO_TEST_CASE(a_place_goes_to_who_has_waited_longest_to_put) {  // Q10
    run_virtual([] {
        channel<int> c(1);
        c.put(0);
        auto one = create_task([&] { c.put(1); });
        auto two = create_task([&] { c.put(2); });
        crocus::yield_now();
        BOOST_TEST(c.get() == 0);
        BOOST_TEST(!c.try_put(9));
        BOOST_TEST(c.get() == 1);
        BOOST_TEST(c.get() == 2);
        one.get();
        two.get();
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_takes_and_leaves_nothing) {  // Q11
    run_virtual([] {
        channel<int> c(1);
        auto getter = create_task([&] { return c.get(); });
        crocus::yield_now();
        getter.cancel();
        BOOST_CHECK_THROW(getter.get(), crocus::cancelled_error);
        c.put(1);
        auto putter = create_task([&] { c.put(2); });
        crocus::yield_now();
        putter.cancel();
        BOOST_CHECK_THROW(putter.get(), crocus::cancelled_error);
        BOOST_TEST(drained(c) == numbers{1}, boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(who_was_handed_an_item_keeps_it_although_it_is_cancelled_then) {  // Q11, T6
    run_virtual([] {
        channel<int> c;
        std::string log;
        auto getter = create_task([&] {
            log += std::to_string(c.get());
            log += cancellation_of([] { crocus::yield_now(); });
        });
        crocus::yield_now();
        c.put(1);
        getter.cancel(" then");
        getter.get();
        BOOST_TEST(log == "1 then");
    });
}

BOOST_AUTO_TEST_CASE(an_item_that_was_put_is_put_although_its_task_is_cancelled_then) {  // Q11, T6
    run_virtual([] {
        channel<int> c(1);
        c.put(1);
        std::string log;
        auto putter = create_task([&] {
            c.put(2);
            log += cancellation_of([] { crocus::yield_now(); });
        });
        crocus::yield_now();
        BOOST_TEST(c.get() == 1);
        putter.cancel("then");
        putter.get();
        BOOST_TEST(log == "then");
        BOOST_TEST(c.get() == 2);
    });
}

BOOST_AUTO_TEST_CASE(waits_have_limits) {
    run_virtual([] {
        channel<int> c(1);
        BOOST_TEST(!c.get_for(1h));
        BOOST_TEST(!c.get_until(event_loop::current().now() + 1h));
        c.put(1);
        int two = 2;
        BOOST_TEST(!c.put_for(1h, std::move(two)));
        BOOST_TEST(!c.put_until(event_loop::current().now() + 1h, std::move(two)));
        auto later = create_task([&] {
            crocus::sleep(1s);
            return c.get();
        });
        BOOST_TEST(c.put_for(2s, 2));
        BOOST_TEST(later.get() == 1);
        BOOST_TEST(c.get_for(duration_cast<crocus::duration>(0s)).value() == 2);
    });
}

BOOST_AUTO_TEST_CASE(an_item_that_comes_with_the_end_of_the_limit_is_not_lost) {
    run_virtual([] {
        channel<int> c;
        std::optional<int> got;
        auto getter = create_task([&] { got = c.get_for(1s); });
        auto putter = create_task([&] {
            crocus::sleep(1s);
            c.put(1);
        });
        getter.get();
        putter.get();
        BOOST_TEST(got.value_or(0) + static_cast<int>(c.size()) == 1);
    });
}

BOOST_AUTO_TEST_CASE(what_is_put_within_a_limit_that_passes_is_put_or_stays) {
    run_virtual([] {
        channel<std::unique_ptr<int>> c(1);
        c.put(std::make_unique<int>(1));
        auto two = std::make_unique<int>(2);
        BOOST_CHECK_THROW(crocus::with_timeout(1s, [&] { return c.put_for(1h, std::move(two)); }),
                          crocus::timeout_error);
        BOOST_REQUIRE(two != nullptr);
        BOOST_TEST(*two == 2);
    });
}

BOOST_AUTO_TEST_CASE(callbacks_may_put_and_get_but_not_wait) {
    run_virtual([] {
        channel<int> c(1);
        const auto reports = crocus::test::collect_reports();
        event_loop::current().call_soon([&] {
            c.put(1);
            BOOST_TEST(c.get() == 1);
            c.get();
        });
        crocus::yield_now();
        BOOST_REQUIRE(reports->size() == 1U);
        BOOST_TEST(crocus::test::contains(reports->front(), "cannot_suspend"));
    });
}

BOOST_AUTO_TEST_CASE(an_item_on_the_way_to_a_coroutine_that_leaves_goes_to_the_next) {
    run_virtual([] {
        channel<int> c;
        crocus::coroutine<int> first = [&] { return c.get(); };
        first.send();
        auto second = create_task([&] { return c.get(); });
        crocus::yield_now();
        c.put(1);
        first.close();
        BOOST_TEST(second.get() == 1);
        crocus::coroutine<int> third = [&] { return c.get(); };
        third.send();
        c.put(2);
        c.put(3);
        third.close();
        BOOST_TEST(drained(c) == (numbers{2, 3}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_leaves_after_its_item_was_taken_does_not_put_it_twice) {
    run_virtual([] {
        channel<std::unique_ptr<int>> c(1);
        c.put(std::make_unique<int>(1));
        crocus::coroutine<void> putter = [&] { c.put(std::make_unique<int>(2)); };
        putter.send();
        BOOST_TEST(*c.get() == 1);
        putter.close();
        BOOST_TEST(*c.get() == 2);
        BOOST_TEST(c.empty());
    });
}

BOOST_AUTO_TEST_CASE(an_item_for_a_loop_that_has_ended_goes_to_the_next_or_back) {
    const crocus::test::reports reports;  // of a coroutine that does not leave
    channel<int> c;
    crocus::coroutine<void> stubborn = [&] {
        for (;;) {
            try {
                c.get();
            } catch (...) {
            }
        }
    };
    {
        event_loop loop(std::make_unique<crocus::test::virtual_time_driver>());
        loop.run_until_complete([&] { stubborn.send(); });
    }
    BOOST_TEST(reports.texts.size() == 1U);
    c.put(1);
    BOOST_TEST(c.size() == 1U);
    BOOST_TEST(c.get() == 1);
}

// ------------------------------------------------------------------------------------------------------- other threads

BOOST_AUTO_TEST_CASE(a_thread_without_a_loop_blocks) {
    channel<int> there(1);
    channel<int> back(1);
    std::thread echo([&] {
        for (const int i : there) back.put(i + 1);
        BOOST_TEST(event_loop::current_if_any() == nullptr);
    });
    for (int i = 0; i != 100; ++i) {
        there.put(i);
        BOOST_TEST(back.get() == i + 1);
    }
    there.shutdown();
    echo.join();
    BOOST_TEST(event_loop::current_if_any() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_loop_that_sleeps_is_woken_by_a_thread_and_the_other_way_round) {
    channel<int> there(1);
    channel<int> back(1);
    std::thread echo([&] {
        for (const int i : there) back.put(i + 1);
    });
    crocus::run([&] {
        bool others_run = false;
        auto other = create_task([&] { others_run = true; });
        for (int i = 0; i != 100; ++i) {
            there.put(i);
            BOOST_TEST(back.get() == i + 1);
        }
        BOOST_TEST(others_run);
        there.shutdown();
    });
    echo.join();
}

BOOST_AUTO_TEST_CASE(two_loops_hand_items_to_each_other) {
    channel<int> there(1);
    channel<int> back(1);
    std::thread echo([&] {
        crocus::run([&] {
            for (const int i : there) back.put(i + 1);
        });
    });
    crocus::run([&] {
        for (int i = 0; i != 100; ++i) {
            there.put(i);
            BOOST_TEST(back.get() == i + 1);
        }
        there.shutdown();
    });
    echo.join();
}
