#define BOOST_TEST_MODULE queue
#include <crocus/queue.hpp>

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <compare>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::yield_now;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

/// What holds whatever the order is, is asked of each kind.
using kinds = boost::mpl::list<crocus::queue<int>, crocus::lifo_queue<int>, crocus::priority_queue<int>>;

template <class Queue>
std::vector<int> all_of(Queue& q) {
    std::vector<int> items;
    while (const auto item = q.try_get()) items.push_back(*item);
    return items;
}

template <class Queue>
auto getting(Queue& q, std::string& log, std::string name) {
    return create_task([&q, &log, name] {
        try {
            const auto item = q.get();
            log += name + std::to_string(item) + ' ';
        } catch (const crocus::cancelled_error&) {
            log += name + "cancelled ";
        } catch (const crocus::queue_shut_down&) {
            log += name + "over ";
        }
    });
}

template <class Queue>
auto putting(Queue& q, std::string& log, int item) {
    return create_task([&q, &log, item] {
        try {
            q.put(item);
            log += "put" + std::to_string(item) + ' ';
        } catch (const crocus::cancelled_error&) {
            log += "cancelled" + std::to_string(item) + ' ';
        } catch (const crocus::queue_shut_down&) {
            log += "refused" + std::to_string(item) + ' ';
        }
    });
}

}  // namespace

// -------------------------------------------------------------------------------------------------------- the orders

BOOST_AUTO_TEST_CASE(each_kind_has_its_order) {  // Q10, Q14
    crocus::queue<int> first_in;
    crocus::lifo_queue<int> last_in;
    crocus::priority_queue<int> smallest;
    crocus::priority_queue<int, std::greater<>> greatest;
    for (const int i : {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}) {
        BOOST_TEST(first_in.try_put(i));
        BOOST_TEST(last_in.try_put(i));
        BOOST_TEST(smallest.try_put(i));
        BOOST_TEST(greatest.try_put(i));
    }
    BOOST_TEST(all_of(first_in) == (std::vector{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}));
    BOOST_TEST(all_of(last_in) == (std::vector{5, 3, 5, 6, 2, 9, 5, 1, 4, 1, 3}));
    BOOST_TEST(all_of(smallest) == (std::vector{1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 9}));
    BOOST_TEST(all_of(greatest) == (std::vector{9, 6, 5, 5, 5, 4, 3, 3, 2, 1, 1}));
}

BOOST_AUTO_TEST_CASE(an_order_may_be_a_function_with_a_state) {  // Q14
    const auto by_distance = [from = 10](int a, int b) { return std::abs(a - from) < std::abs(b - from); };
    crocus::priority_queue<int, std::function<bool(int, int)>> nearest(0, by_distance);
    for (const int i : {1, 12, 9, 30}) nearest.put(i);
    BOOST_TEST(all_of(nearest) == (std::vector{9, 12, 1, 30}));
}

BOOST_AUTO_TEST_CASE(a_ring_that_has_gone_round_grows_in_order) {  // Q10
    crocus::queue<int> q;
    std::vector<int> seen, expected;
    for (int i = 0; i != 1000; ++i) {
        q.put(i);
        expected.push_back(i);
        if (i % 3 == 0) seen.push_back(q.get());
    }
    while (!q.empty()) seen.push_back(q.get());
    BOOST_TEST(seen == expected);
}

// ------------------------------------------------------------------------------------------------- without waiting

BOOST_AUTO_TEST_CASE_TEMPLATE(what_needs_not_wait_does_not, Queue, kinds) {  // Q10, Q14
    run_virtual([] {
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        Queue q(2);
        BOOST_TEST(q.capacity() == 2u);
        BOOST_TEST(q.empty());
        BOOST_TEST(!q.try_get());
        q.put(1);
        BOOST_TEST(q.try_put(2));
        BOOST_TEST(q.size() == 2u);
        BOOST_TEST(q.full());
        BOOST_TEST(!q.try_put(3));
        BOOST_TEST(q.get() + q.try_get().value() == 3);
        BOOST_TEST(!q.full());
        BOOST_TEST(!other_ran);
        other.get();
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_capacity_of_none_is_unlimited, Queue, kinds) {  // Q10
    Queue q;
    for (int i = 0; i != 1000; ++i) q.put(i);
    BOOST_TEST(q.capacity() == crocus::unlimited);
    BOOST_TEST(!q.full());
    BOOST_TEST(q.size() == 1000u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_does_not_fit_stays_with_the_caller, Queue, kinds) {  // Q10
    run_virtual([] {
        crocus::queue<std::string> q(1);
        q.put("first");
        std::string mine = "a text that no small string holds";
        BOOST_TEST(!q.try_put(std::move(mine)));
        BOOST_TEST(!q.put_for(1ms, std::move(mine)));
        auto t = create_task([&] { q.put(std::move(mine)); });
        yield_now();
        t.cancel();
        yield_now();
        BOOST_TEST(mine == "a text that no small string holds");
        q.shutdown();
        BOOST_CHECK_THROW(q.put(std::move(mine)), crocus::queue_shut_down);
        BOOST_TEST(mine == "a text that no small string holds");
    });
}

// ----------------------------------------------------------------------------------------------------------- waiting

BOOST_AUTO_TEST_CASE_TEMPLATE(getters_are_served_in_their_order, Queue, kinds) {  // Q10
    run_virtual([] {
        Queue q;
        std::string log;
        auto a = getting(q, log, "a"), b = getting(q, log, "b");
        yield_now();
        q.put(1);
        yield_now();
        BOOST_TEST(log == "a1 ");
        q.put(2);
        b.get();
        BOOST_TEST(log == "a1 b2 ");
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(putters_are_served_in_their_order, Queue, kinds) {  // Q10
    run_virtual([] {
        Queue q(1);
        q.put(0);
        std::string log;
        auto a = putting(q, log, 1), b = putting(q, log, 2);
        yield_now();
        BOOST_TEST(log == "");
        BOOST_TEST(q.get() == 0);
        yield_now();
        BOOST_TEST(log == "put1 ");
        BOOST_TEST(q.get() == 1);
        b.get();
        BOOST_TEST(q.get() == 2);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nobody_takes_a_promised_item_on_the_way, Queue, kinds) {  // Q10
    run_virtual([] {
        Queue q;
        std::string log;
        auto a = getting(q, log, "a");
        yield_now();
        q.put(1);
        BOOST_TEST(q.empty());  // promised already
        BOOST_TEST(!q.try_get());
        auto b = getting(q, log, "b");
        a.get();
        BOOST_TEST(log == "a1 ");
        q.put(2);
        b.get();
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nobody_takes_a_promised_slot_on_the_way, Queue, kinds) {  // Q10
    run_virtual([] {
        Queue q(1);
        q.put(0);
        std::string log;
        auto a = putting(q, log, 1);
        yield_now();
        BOOST_TEST(q.get() == 0);
        BOOST_TEST(q.full());
        BOOST_TEST(!q.try_put(2));
        a.get();
        BOOST_TEST(q.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(what_a_getter_gets_is_decided_when_it_takes_it) {  // Q10, Q14
    run_virtual([] {
        crocus::priority_queue<int> q;
        std::string log;
        auto a = getting(q, log, "a");
        yield_now();
        q.put(7);
        q.put(3);  // more urgent, and in time
        a.get();
        BOOST_TEST(log == "a3 ");
        BOOST_TEST(q.get() == 7);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(time_limits_bound_the_waits, Queue, kinds) {  // Q10, Q11; T22 of the users
    run_virtual([] {
        Queue q(1);
        const auto start = crocus::event_loop::current().now();
        BOOST_TEST(!q.get_for(10ms));
        q.put(1);
        BOOST_TEST(!q.put_until(start + 30ms, 2));
        BOOST_TEST((crocus::event_loop::current().now() == start + 30ms));
        auto later = create_task([&] {
            crocus::sleep(5ms);
            return q.get();
        });
        BOOST_TEST(q.put_for(10ms, 2));
        BOOST_TEST(later.get() == 1);
        BOOST_TEST(q.get_until(start).value() == 2);  // it need not wait
        BOOST_TEST(q.empty());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_item_and_a_slot_that_were_promised_beat_the_time_limit, Queue, kinds) {  // Q11
    run_virtual([] {
        Queue q(1);
        std::optional<int> got;
        auto getter = create_task([&] { got = q.get_for(10ms); });
        yield_now();
        q.put(1);
        crocus::testing::advance(20ms);
        getter.get();
        BOOST_TEST(got.value() == 1);
        q.put(2);
        bool put = false;
        auto putter = create_task([&] { put = q.put_for(10ms, 3); });
        yield_now();
        BOOST_TEST(q.get() == 2);
        crocus::testing::advance(20ms);
        putter.get();
        BOOST_TEST(put);
    });
}

// ------------------------------------------------------------------------------------------------------ cancellation

BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_getter_takes_nothing_and_leaves_the_queue, Queue, kinds) {  // Q11
    run_virtual([] {
        Queue q;
        std::string log;
        auto a = getting(q, log, "a"), b = getting(q, log, "b");
        yield_now();
        a.cancel();
        q.put(1);
        b.get();
        BOOST_TEST(log == "acancelled b1 ");
        BOOST_TEST(q.to_string().find("getters") == std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_getter_that_was_promised_an_item_has_it_though_it_is_cancelled, Queue, kinds) {  // Q11
    run_virtual([] {
        Queue q;
        std::string log;
        auto a = create_task([&] {
            log += std::to_string(q.get()) + ' ';
            log += cancellation_of([&] { q.get(); });
        });
        yield_now();
        q.put(1);
        a.cancel("later");
        a.get();
        BOOST_TEST(log == "1 later");
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_putter_puts_nothing_and_leaves_the_queue, Queue, kinds) {  // Q11
    run_virtual([] {
        Queue q(1);
        q.put(0);
        std::string log;
        auto a = putting(q, log, 1), b = putting(q, log, 2);
        yield_now();
        a.cancel();
        BOOST_TEST(q.get() == 0);
        b.get();
        BOOST_TEST(log == "cancelled1 put2 ");
        BOOST_TEST(q.get() == 2);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_putter_that_was_promised_a_slot_fills_it_though_it_is_cancelled, Queue, kinds) {  // Q11
    run_virtual([] {
        Queue q(1);
        q.put(0);
        std::string log;
        auto a = create_task([&] {
            q.put(1);
            log += cancellation_of([] { yield_now(); });
        });
        yield_now();
        BOOST_TEST(q.get() == 0);
        a.cancel("later");
        a.get();
        BOOST_TEST(log == "later");
        BOOST_TEST(q.get() == 1);
    });
}

// --------------------------------------------------------------------------------------------------- task_done and
// join

BOOST_AUTO_TEST_CASE_TEMPLATE(join_waits_until_each_item_was_seen_to, Queue, kinds) {  // Q12
    run_virtual([] {
        Queue q;
        q.join();  // nothing was put
        for (int i = 0; i != 10; ++i) q.put(i);
        int seen_to = 0;
        const auto work = [&] {
            for (;;) {
                q.get();
                crocus::sleep(1ms);
                ++seen_to;
                q.task_done();
            }
        };
        auto a = create_task(work), b = create_task(work);
        BOOST_TEST(!q.join_for(2ms));
        q.join();
        BOOST_TEST(seen_to == 10);
        q.put(10);  // from the beginning
        BOOST_TEST(!q.join_for(500us));
        BOOST_TEST(q.join_until(crocus::event_loop::current().now() + 1s));
        BOOST_TEST(seen_to == 11);
        a.cancel();
        b.cancel();
    });
}

BOOST_AUTO_TEST_CASE(who_joined_goes_on_though_an_item_comes_before_it_runs) {  // Q12
    run_virtual([] {
        crocus::queue<int> q;
        q.put(1);
        bool joined = false;
        auto t = create_task([&] {
            q.join();
            joined = true;
        });
        yield_now();
        q.task_done();
        q.put(2);
        yield_now();
        BOOST_TEST(joined);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(more_task_done_than_items_is_an_error, Queue, kinds) {  // Q12
    Queue q;
    BOOST_CHECK_THROW(q.task_done(), crocus::usage_error);
    q.put(1);
    q.task_done();
    BOOST_CHECK_THROW(q.task_done(), crocus::usage_error);
}

// ---------------------------------------------------------------------------------------------------------- shutdown

BOOST_AUTO_TEST_CASE_TEMPLATE(after_a_shutdown_what_is_left_can_be_taken, Queue, kinds) {  // Q13
    run_virtual([] {
        Queue q(2);
        q.put(1);
        BOOST_TEST(!q.is_shut_down());
        q.shutdown();
        BOOST_TEST(q.is_shut_down());
        BOOST_CHECK_THROW(q.put(2), crocus::queue_shut_down);
        BOOST_CHECK_THROW(static_cast<void>(q.try_put(2)), crocus::queue_shut_down);
        BOOST_CHECK_THROW(static_cast<void>(q.put_for(1ms, 2)), crocus::queue_shut_down);
        BOOST_TEST(q.get() == 1);
        BOOST_CHECK_THROW(q.get(), crocus::queue_shut_down);
        BOOST_CHECK_THROW(static_cast<void>(q.try_get()), crocus::queue_shut_down);
        BOOST_CHECK_THROW(static_cast<void>(q.get_for(1ms)), crocus::queue_shut_down);
        q.shutdown();
        q.task_done();
        q.join();
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_shutdown_ends_all_waits_at_once, Queue, kinds) {  // Q13; T22 of the users
    run_virtual([] {
        Queue empty, full(1);
        full.put(0);
        std::string log;
        auto a = getting(empty, log, "a"), b = getting(empty, log, "b");
        auto c = putting(full, log, 1), d = putting(full, log, 2);
        auto timed = create_task([&] {
            BOOST_CHECK_THROW(static_cast<void>(empty.get_for(1h)), crocus::queue_shut_down);
            log += "timed ";
        });
        yield_now();
        empty.shutdown();
        full.shutdown();
        yield_now();
        BOOST_TEST(log == "aover bover timed refused1 refused2 ");
        BOOST_TEST(full.get() == 0);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_promised_item_outlives_a_shutdown_and_a_promised_slot_does_not, Queue, kinds) {  // Q13
    run_virtual([] {
        Queue q(1);
        std::string log;
        auto a = getting(q, log, "a"), b = getting(q, log, "b");
        yield_now();
        q.put(1);
        q.shutdown();
        yield_now();
        BOOST_TEST(log == "a1 bover ");

        Queue full(1);
        full.put(0);
        log.clear();
        auto c = putting(full, log, 1);
        yield_now();
        BOOST_TEST(full.get() == 0);
        full.shutdown();
        yield_now();
        BOOST_TEST(log == "refused1 ");
        BOOST_CHECK_THROW(full.get(), crocus::queue_shut_down);
        BOOST_TEST(!full.full());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_immediate_shutdown_drops_what_is_left_as_if_it_had_been_seen_to, Queue,
                              kinds) {  // Q13
    run_virtual([] {
        Queue q(3);
        std::string log;
        auto a = getting(q, log, "a");
        yield_now();
        q.put(1);  // promised
        q.put(2);
        q.put(3);
        auto joins = create_task([&] {
            q.join();
            log += "joined ";
        });
        auto b = putting(q, log, 4);
        q.shutdown();  // and then at once after all
        q.shutdown(true);
        BOOST_TEST(q.empty());
        yield_now();
        BOOST_TEST(log == "aover joined refused4 ");
        BOOST_CHECK_THROW(q.get(), crocus::queue_shut_down);
        BOOST_CHECK_THROW(q.task_done(), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(after_an_immediate_shutdown_taken_items_are_still_to_be_done, Queue, kinds) {  // Q13
    run_virtual([] {
        Queue q;
        for (int i = 0; i != 3; ++i) q.put(i);
        q.get();
        q.shutdown(true);
        BOOST_TEST(!q.join_for(1ms));
        q.task_done();
        q.join();
    });
}

BOOST_AUTO_TEST_CASE(an_immediate_shutdown_destroys_the_items_when_the_queue_is_in_order) {  // Q13
    run_virtual([] {
        struct asks {
            explicit asks(std::function<void()> f) : at_the_end(std::move(f)) {}
            asks(asks&& other) noexcept : at_the_end(std::exchange(other.at_the_end, nullptr)) {}
            asks& operator=(asks&&) = delete;
            ~asks() {
                if (at_the_end) at_the_end();
            }
            std::function<void()> at_the_end;
        };
        crocus::queue<asks> q;
        int asked = 0;
        for (int i = 0; i != 3; ++i)
            q.put(asks([&] {
                ++asked;
                BOOST_TEST(q.is_shut_down());
                BOOST_TEST(q.empty());
                q.join();
            }));
        q.shutdown(true);
        BOOST_TEST(asked == 3);
    });
}

// ---------------------------------------------------------------------------------------------------------- iteration

BOOST_AUTO_TEST_CASE_TEMPLATE(a_loop_over_a_queue_takes_items_until_it_was_shut_down_and_is_empty, Queue,
                              kinds) {  // users T22
    run_virtual([] {
        Queue q(1);
        auto sum = create_task([&] {
            int total = 0;
            for (const int item : q) total += item;
            return total;
        });
        for (int i = 1; i <= 4; ++i) q.put(i);
        q.shutdown();
        BOOST_TEST(sum.get() == 10);
    });
    static_assert(std::input_iterator<typename Queue::iterator>);
}

BOOST_AUTO_TEST_CASE(a_cancelled_loop_over_a_queue_has_lost_nothing) {  // users T11
    run_virtual([] {
        crocus::queue<int> q;
        std::vector<int> seen;
        auto t = create_task([&] {
            for (const int item : q) seen.push_back(item);
        });
        q.put(1);
        yield_now();
        t.cancel();
        q.put(2);
        BOOST_CHECK_THROW(t.get(), crocus::cancelled_error);
        BOOST_TEST(seen == std::vector{1});
        BOOST_TEST(q.get() == 2);
    });
}

// --------------------------------------------------------------------------------------------------- what items may be

BOOST_AUTO_TEST_CASE(items_may_be_of_types_that_can_only_be_moved) {
    crocus::queue<std::unique_ptr<int>> q;
    q.put(std::make_unique<int>(1));
    auto two = std::make_unique<int>(2);
    BOOST_TEST(q.try_put(std::move(two)));
    BOOST_TEST(*q.get() == 1);
    BOOST_TEST(*q.try_get().value() == 2);

    const auto by_value = [](const auto& a, const auto& b) { return *a < *b; };
    crocus::priority_queue<std::unique_ptr<int>, decltype(by_value)> smallest;
    for (const int i : {3, 1, 2}) smallest.put(std::make_unique<int>(i));
    for (const int i : {1, 2, 3}) BOOST_TEST(*smallest.get() == i);
}

BOOST_AUTO_TEST_CASE(items_may_be_of_types_that_can_neither_be_assigned_nor_swapped) {
    struct constant {
        const int value;
        auto operator<=>(const constant&) const = default;
    };
    crocus::priority_queue<constant> q;
    for (const int i : {3, 1, 2, 5, 4}) q.put({i});
    for (const int i : {1, 2, 3, 4, 5}) BOOST_TEST(q.get().value == i);
    for (const int i : {3, 1, 2, 5, 4}) q.put(constant{i});
}

namespace {

/// Its moves, and its comparisons, throw when they are told to; it is whole as long as its text is there.
struct fragile {
    static inline int fails_in = -1;
    static void step() {
        if (fails_in >= 0 && fails_in-- == 0) throw std::runtime_error("moved or compared once too often");
    }

    explicit fragile(int v) : value(v), whole(true) {}
    fragile(fragile&& other) {
        step();
        value = other.value;
        whole = std::exchange(other.whole, false);
    }
    fragile& operator=(fragile&&) = delete;
    bool operator<(const fragile& other) const {
        step();
        return value < other.value;
    }

    int value;
    bool whole;
};

using fragile_kinds =
    boost::mpl::list<crocus::queue<fragile>, crocus::lifo_queue<fragile>, crocus::priority_queue<fragile>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(moves_and_comparisons_that_throw_lose_nothing, Queue, fragile_kinds) {  // users T11
    for (int step = 0; step != 40; ++step) {
        constexpr int count = 9;
        Queue q(count);
        std::vector<std::unique_ptr<fragile>> mine;
        for (int i = 0; i != count; ++i) mine.push_back(std::make_unique<fragile>((i * 5) % count));
        fragile::fails_in = step;
        for (auto& item : mine) try {
                BOOST_TEST(q.try_put(std::move(*item)));
                item.reset();
            } catch (const std::runtime_error&) {
            }
        std::size_t put = 0;
        std::vector<bool> seen(count);
        for (const auto& item : mine) {
            put += !item;
            if (!item) continue;
            BOOST_TEST(item->whole);
            seen[static_cast<std::size_t>(item->value)] = true;
        }
        BOOST_TEST(q.size() == put);
        for (std::size_t left = put; left != 0;) try {
                auto item = q.try_get();
                BOOST_TEST_REQUIRE(item.has_value());
                BOOST_TEST(item->whole);
                BOOST_TEST(!seen[static_cast<std::size_t>(item->value)]);
                seen[static_cast<std::size_t>(item->value)] = true;
                --left;
            } catch (const std::runtime_error&) {
                BOOST_TEST(q.size() == left);
            }
        fragile::fails_in = -1;
        BOOST_TEST(seen == std::vector<bool>(count, true));
        BOOST_TEST(!q.try_get());
        for (int i = 0; i != count; ++i) BOOST_TEST(q.try_put(fragile(i)));  // every slot came back
        BOOST_TEST(q.full());
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_item_or_slot_that_was_not_used_goes_to_the_next_who_waits, Queue, fragile_kinds) {
    run_virtual([] {
        Queue q(1);
        int got = 0, threw = 0;
        const auto get = [&] {
            try {
                got = q.get().value;
            } catch (const std::runtime_error&) {
                ++threw;
            }
        };
        auto a = create_task(get), b = create_task(get);
        yield_now();
        q.put(fragile(7));
        fragile::fails_in = 0;  // as a takes it
        yield_now();
        yield_now();
        BOOST_TEST(threw == 1);
        BOOST_TEST(got == 7);

        q.put(fragile(1));
        const auto put = [&](int value) {
            fragile item(value);
            try {
                q.put(std::move(item));
            } catch (const std::runtime_error&) {
                BOOST_TEST(item.whole);
                ++threw;
            }
        };
        auto c = create_task([&] { put(2); }), d = create_task([&] { put(3); });
        yield_now();
        BOOST_TEST(q.get().value == 1);
        fragile::fails_in = 0;  // as c puts
        yield_now();
        yield_now();
        fragile::fails_in = -1;
        BOOST_TEST(threw == 2);
        BOOST_TEST(q.get().value == 3);
    });
}

// ----------------------------------------------------------------------------------------------------------- the rest

BOOST_AUTO_TEST_CASE(a_queue_says_what_is_in_it_and_who_waits) {  // Q15
    run_virtual([] {
        crocus::queue<int> q(1);
        BOOST_TEST(q.to_string() == "queue [size:0, capacity:1]");
        std::string log;
        auto a = getting(q, log, "a");
        yield_now();
        BOOST_TEST(q.to_string() == "queue [size:0, capacity:1, getters:1]");
        q.put(1);
        a.get();
        q.put(2);
        auto b = putting(q, log, 3);
        yield_now();
        BOOST_TEST(q.to_string() == "queue [size:1, capacity:1, putters:1, unfinished:2]");
        q.shutdown();
        yield_now();
        BOOST_TEST(q.to_string() == "queue [size:1, capacity:1, unfinished:2, shut down]");
        BOOST_TEST(crocus::lifo_queue<int>().to_string() == "lifo_queue [size:0]");
        BOOST_TEST(crocus::priority_queue<int>().to_string() == "priority_queue [size:0]");
    });
}

BOOST_AUTO_TEST_CASE(a_callback_puts_and_gets_without_waiting) {  // Q10
    run_virtual([] {
        crocus::queue<int> q(1);
        std::string log;
        crocus::event_loop::current().call_soon([&] {
            log += q.try_put(1) ? "put " : "full ";
            try {
                q.put(2);
            } catch (const crocus::cannot_suspend&) {
                log += "cannot wait";
            }
        });
        crocus::sleep(1ms);
        BOOST_TEST(log == "put cannot wait");
        BOOST_TEST(q.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(an_rvalue_that_did_not_fit_is_still_the_callers_also_one_of_another_type) {  // Q10
    run_virtual([] {
        struct base {
            virtual ~base() = default;
        };
        struct derived : base {};
        crocus::queue<std::unique_ptr<base>> q(1);
        q.put(std::make_unique<derived>());
        auto item = std::make_unique<derived>();
        BOOST_TEST(!q.try_put(std::move(item)));
        BOOST_TEST(!q.put_for(1ms, std::move(item)));
        BOOST_TEST((item != nullptr));
        static_cast<void>(q.get());
        BOOST_TEST(q.try_put(std::move(item)));
        BOOST_TEST((item == nullptr));
    });
}

BOOST_AUTO_TEST_CASE(an_item_may_be_a_bool) {
    run_virtual([] {
        crocus::lifo_queue<bool> newest;
        crocus::priority_queue<bool> smallest;
        for (const bool item : {true, false, true}) {
            newest.put(item);
            smallest.put(item);
        }
        BOOST_TEST(newest.get());
        BOOST_TEST(!newest.get());
        BOOST_TEST(!smallest.get());
        BOOST_TEST(smallest.get());
    });
}
