#define BOOST_TEST_MODULE testing_lifetimes
#include <crocus/testing/lifetimes.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <crocus/concurrent_future.hpp>
#include <crocus/executor.hpp>
#include <crocus/future.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/schedule.hpp>

using crocus::testing::lifetimes;
using crocus::testing::tracked;

BOOST_AUTO_TEST_CASE(values_are_counted) {
    lifetimes book;
    {
        tracked a(book, 1);
        tracked b = a;
        tracked c = std::move(a);
        BOOST_TEST(book.made() == 1U);
        BOOST_TEST(book.copied() == 1U);
        BOOST_TEST(book.moved() == 1U);
        BOOST_TEST(book.alive() == 3U);
        b = c;
        a = std::move(c);
        BOOST_TEST(book.copied() == 2U);
        BOOST_TEST(book.moved() == 2U);
        tracked& same = a;
        a = std::move(same);
        BOOST_TEST(a.number() == 1);
        BOOST_TEST((a == b && !(a < b)));
        BOOST_TEST(!book.clean());  // they are there
    }
    BOOST_TEST(book.destroyed() == 3U);
    BOOST_TEST(book.clean());
}

BOOST_AUTO_TEST_CASE(containers_use_nothing_that_is_gone) {
    lifetimes book;
    {
        std::vector<tracked> many;
        for (int i = 0; i != 100; ++i) many.emplace_back(book, 99 - i);
        std::ranges::sort(many);
        many.erase(many.begin(), many.begin() + 50);
        BOOST_TEST(many.front().number() == 50);
        BOOST_TEST(book.alive() == 50U);
    }
    BOOST_TEST(book.clean());
}

BOOST_AUTO_TEST_CASE(a_use_after_a_move_is_found) {
    lifetimes book;
    tracked a(book, 1);
    const tracked b = std::move(a);
    static_cast<void>(a.number());  // NOLINT: that is the fault
    const tracked c = a;
    BOOST_TEST(book.faults() == (std::vector<std::string>{"a value was read after it had been moved from",
                                                          "a value was copied after it had been moved from"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_use_after_the_end_and_a_second_end_are_found) {
    lifetimes book;
    alignas(tracked) std::byte place[sizeof(tracked)];
    auto* const value = new (place) tracked(book, 1);
    std::destroy_at(value);
    static_cast<void>(value->number());
    *value = tracked(book, 2);
    std::destroy_at(value);
    BOOST_TEST(book.faults() == (std::vector<std::string>{"a value was read after it had been destroyed",
                                                          "a value was assigned to after it had been destroyed",
                                                          "a value was destroyed after it had been destroyed"}),
               boost::test_tools::per_element());
    BOOST_TEST(book.alive() == 0U);
    BOOST_TEST(!book.clean());
    new (place) tracked(book, 3);  // another one in the same place
    BOOST_TEST(book.alive() == 1U);
    std::destroy_at(value);
    BOOST_TEST(book.faults().size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_is_gone_stays_gone_when_it_is_moved_from) {
    lifetimes book;
    alignas(tracked) std::byte place[sizeof(tracked)];
    auto* const value = new (place) tracked(book, 1);
    std::destroy_at(value);
    const tracked taken = std::move(*value);
    std::destroy_at(value);
    BOOST_TEST(book.faults() == (std::vector<std::string>{"a value was moved after it had been destroyed",
                                                          "a value was destroyed after it had been destroyed"}),
               boost::test_tools::per_element());
    BOOST_TEST(book.alive() == 1U);
}

BOOST_AUTO_TEST_CASE(results_exceptions_and_captures_can_be_tracked) {
    lifetimes book;
    crocus::testing::for_each_seed(10, [&] {
        auto result = crocus::create_task([captured = tracked(book, 7)] { return captured; });
        BOOST_TEST(result.get().number() == 7);
        auto failing = crocus::create_task([&book]() -> int { throw tracked(book, 8); });
        try {
            failing.get();
            BOOST_ERROR("it did not fail");
        } catch (const tracked& error) {
            BOOST_TEST(error.number() == 8);
        }
        auto never_run = crocus::create_task([captured = tracked(book, 9)] { return captured.number(); });
        never_run.cancel();
    });
    BOOST_TEST(book.clean());
}

BOOST_AUTO_TEST_CASE(values_may_go_to_another_thread) {
    lifetimes book;
    crocus::run([&] {
        const tracked back = crocus::to_thread([sent = tracked(book, 7)] { return sent; });
        BOOST_TEST(back.number() == 7);
    });
    BOOST_TEST(book.clean());
}

BOOST_AUTO_TEST_CASE(a_value_may_outlive_its_book) {
    auto book = std::make_unique<lifetimes>();
    tracked left(*book, 1);
    book.reset();
    const tracked copy = left;
    BOOST_TEST(copy.number() == 1);
}
