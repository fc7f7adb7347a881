#define BOOST_TEST_MODULE detail_timer_heap
#include <crocus/detail/timer_heap.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "support/counted_allocations.hpp"

using crocus::time_point;
using crocus::detail::timer;
using crocus::detail::timer_heap;

namespace {

struct plain_timer : timer {
    explicit plain_timer(int at = 0) : timer(time(at), [](timer&) noexcept {}) {}
    static time_point time(int at) { return time_point(std::chrono::nanoseconds(at)); }
};

}  // namespace

// L15
BOOST_AUTO_TEST_CASE(timers_come_in_the_order_of_their_times_and_of_their_addition_whatever_is_removed_meanwhile) {
    for (unsigned seed = 0; seed != 200; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        std::deque<plain_timer> timers;
        std::map<std::pair<time_point, int>, timer*> expected;
        timer_heap heap;
        for (int i = 0; i != 2'000; ++i) {
            if (const int what = below(10); what < 6) {
                plain_timer& t = timers.emplace_back(below(50) + i);
                heap.add(t);
                expected.emplace(std::pair(t.when, i), &t);
            } else if (what < 9 && !expected.empty()) {
                const auto at = std::next(expected.begin(), below(static_cast<int>(expected.size())));
                heap.remove(*at->second);
                BOOST_REQUIRE(!at->second->armed());
                heap.remove(*at->second);  // does nothing
                expected.erase(at);
            } else {
                const auto now = plain_timer::time(i);
                for (timer* t; (t = heap.take_due(now)) != nullptr; expected.erase(expected.begin())) {
                    BOOST_REQUIRE(!expected.empty());
                    BOOST_REQUIRE(t == expected.begin()->second);
                    BOOST_REQUIRE(!t->armed());
                }
                BOOST_REQUIRE((expected.empty() || expected.begin()->first.first > now));
            }
            BOOST_REQUIRE(heap.empty() == expected.empty());
            if (!expected.empty()) BOOST_REQUIRE((heap.first() == expected.begin()->first.first));
        }
    }
}

BOOST_AUTO_TEST_CASE(timers_that_are_added_and_removed_for_ever_take_no_more_memory_than_those_that_are_there) {
    timer_heap heap;
    std::deque<plain_timer> there;
    for (int i = 0; i != 1'000; ++i) heap.add(there.emplace_back(1'000'000'000 + i));
    std::deque<plain_timer> passing(10);
    const auto pass = [&](int times) {
        for (int i = 0; i != times; ++i) {
            for (auto& t : passing) {
                t.when = plain_timer::time(2'000'000'000 + i);
                heap.add(t);
            }
            for (auto& t : passing) heap.remove(t);  // in an order in which none is the last
        }
    };
    pass(1'000);
    const auto before = crocus::test::allocations;
    pass(100'000);
    BOOST_TEST(crocus::test::allocations == before);
    for (auto& t : there) heap.remove(t);
    BOOST_TEST(heap.empty());
}
