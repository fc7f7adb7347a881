// Blocks: many elements for one entry of the body.
#define BOOST_TEST_MODULE generator_blocks
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <iterator>
#include <memory>
#include <numeric>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

#include "support/reports.hpp"

namespace {

using crocus::generator;
using status = crocus::generator_status;

struct oops {};

/// 1, then 2, 3 and 4 together, then 5; counts its turns.
generator<int> mixed(int& turns) {
    return [&turns](auto& yield) {
        ++turns;
        yield(1);
        ++turns;
        std::array middle{2, 3, 4};
        yield.block(middle);
        ++turns;
        yield(5);
        ++turns;
    };
}

template <class Blocks>
std::vector<std::vector<int>> listed(Blocks&& blocks) {
    std::vector<std::vector<int>> all;
    for (const auto block : blocks) all.emplace_back(block.begin(), block.end());
    return all;
}

using lists = std::vector<std::vector<int>>;

}  // namespace

static_assert(std::input_iterator<generator<int>::block_iterator>);
static_assert(std::ranges::view<generator<int>::block_range>);
static_assert(std::ranges::input_range<generator<const std::string&>::block_range>);

BOOST_AUTO_TEST_CASE(elements_of_a_block_are_read_one_by_one_without_entering_the_body) {
    int turns = 0;
    auto g = mixed(turns);
    const std::array turns_at{1, 2, 2, 2, 3};
    int expected = 1;
    for (const int i : g) {
        BOOST_TEST(i == expected++);
        BOOST_TEST(turns == turns_at.at(static_cast<std::size_t>(i - 1)));
    }
    BOOST_TEST(expected == 6);
    BOOST_TEST(turns == 4);
}

BOOST_AUTO_TEST_CASE(steps_and_loops_that_are_left_early_go_on_where_a_block_stands) {
    int turns = 0;
    auto g = mixed(turns);
    BOOST_TEST(*g.next() == 1);
    for (const int i : g) {
        BOOST_TEST(i == 2);
        break;
    }
    BOOST_TEST(*g.next() == 3);
    for (const int i : g) {
        BOOST_TEST(i == 4);
        break;
    }
    BOOST_TEST(turns == 2);
    BOOST_TEST(*g.next() == 5);
    BOOST_TEST(g.next().finished());
}

BOOST_AUTO_TEST_CASE(an_iterator_sees_that_somebody_else_resumed_or_closed_its_generator_within_a_block) {
    int turns = 0;
    auto g = mixed(turns);
    std::vector<int> seen;
    for (const int i : g) {
        seen.push_back(i);
        if (i == 2) BOOST_TEST(*g.next() == 3);
        if (i == 4) g.close();
    }
    const std::vector expected{1, 2, 4};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_thrown_within_a_block_is_raised_where_the_body_yields_it) {
    int caught = 0;
    generator<int> g = [&](auto& yield) {
        std::array block{1, 2, 3};
        try {
            yield.block(block);
        } catch (const oops&) {
            ++caught;
        }
        yield(9);
    };
    g.next();
    g.next();
    BOOST_TEST(*g.throw_(oops()) == 9);
    BOOST_TEST(caught == 1);

    generator<int> closed = [](auto& yield) { yield.block(std::array{1, 2}); };
    closed.next();
    closed.close();
    BOOST_TEST((closed.status() == status::closed));
}

// G59
BOOST_AUTO_TEST_CASE(a_block_takes_nothing_that_is_sent) {
    generator<int, int> g = [](auto& yield) {
        std::array block{1, 2, 3};
        BOOST_CHECK_THROW(yield.block(block), crocus::generator_error);
        const auto got = yield(4);
        BOOST_TEST(!got);
    };
    BOOST_TEST(*g.next() == 1);
    BOOST_TEST(*g.next() == 2);
    BOOST_TEST(*g.send(7) == 4);
    BOOST_TEST(g.next().finished());
}

BOOST_AUTO_TEST_CASE(the_blocks_of_a_temporary_keep_it) {
    int turns = 0, sum = 0;
    for (const auto block : mixed(turns).blocks())
        for (const int i : block) sum += i;
    for (const auto block : mixed(turns).blocks(2))
        for (const int i : block) sum += i;
    BOOST_TEST(sum == 2 * 15);
    BOOST_TEST(turns == 8);

    auto left = std::make_shared<int>();
    const std::weak_ptr<int> captured = left;
    for (const auto block : generator<int>([held = std::move(left)](auto& yield) { yield(*held); }).blocks()) {
        BOOST_TEST(block.size() == 1u);
        BOOST_TEST(!captured.expired());
        break;
    }
    BOOST_TEST(captured.expired());
}

BOOST_AUTO_TEST_CASE(what_is_yielded_may_be_const) {
    generator<const std::string> g = [](auto& yield) {
        for (int i = 0; i != 5; ++i) yield(std::to_string(i));
        const std::array block{std::string("5"), std::string("6")};
        yield.block(block);
    };
    std::string seen;
    for (const auto block : g.blocks(3)) {
        for (const std::string& s : block) seen += s;
        break;
    }
    for (const auto block : g.blocks())
        for (const std::string& s : block) seen += s;
    BOOST_TEST(seen == "0123456");
}

BOOST_AUTO_TEST_CASE(an_empty_block_is_nothing) {
    generator<int> g = [](auto& yield) {
        yield.block(std::span<int>());
        yield(1);
    };
    BOOST_TEST(*g.next() == 1);
}

BOOST_AUTO_TEST_CASE(elements_are_seen_in_place) {
    std::array numbers{1, 2, 3};
    generator<int&> g = [&](auto& yield) { yield.block(numbers); };
    for (int& i : g) i *= 10;
    const std::array expected{10, 20, 30};
    BOOST_TEST(numbers == expected, boost::test_tools::per_element());

    const std::vector<std::string> words{"a", "b"};
    generator<const std::string&> reading = [&](auto& yield) { yield.block(words); };
    std::size_t at = 0;
    for (const std::string& word : reading) BOOST_TEST(&word == &words[at++]);

    std::vector<std::unique_ptr<int>> owned;
    owned.push_back(std::make_unique<int>(1));
    owned.push_back(std::make_unique<int>(2));
    generator<std::unique_ptr<int>> moving = [&](auto& yield) { yield.block(owned); };
    const std::unique_ptr<int> first = *moving.next();
    BOOST_TEST(*first == 1);
    BOOST_TEST(!owned[0]);
    BOOST_TEST(**moving.next() == 2);
}

// G58
BOOST_AUTO_TEST_CASE(blocks_pass_through_delegation) {
    int turns = 0;
    const auto outer = [&]() -> generator<int> {
        return [&](auto& yield) {
            yield.from(generator<int>([&](auto& middle) { middle.from(mixed(turns)); }));
            yield(6);
        };
    };
    int expected = 1;
    for (const int i : outer()) BOOST_TEST(i == expected++);
    BOOST_TEST(expected == 7);
    const lists all{{1}, {2, 3, 4}, {5}, {6}};
    BOOST_TEST((listed(outer().blocks()) == all));
    BOOST_TEST((listed(outer().blocks(4)) == lists{{1, 2, 3, 4}, {5, 6}}));
}

BOOST_AUTO_TEST_CASE(a_reader_takes_what_is_left_of_a_block_at_once) {
    int turns = 0;
    auto g = mixed(turns);
    g.next();
    g.next();
    BOOST_TEST((listed(g.blocks()) == lists{{3, 4}, {5}}));
}

BOOST_AUTO_TEST_CASE(a_body_runs_ahead_as_far_as_it_is_told_and_no_farther) {
    int given = 0;
    generator<int> g = [&](auto& yield) {
        for (int i = 0; i != 10; ++i) {
            ++given;
            yield(i);
        }
    };
    const std::array given_at{4, 8, 10};
    std::size_t at = 0;
    for (const auto block : g.blocks(4)) {
        BOOST_TEST(given == given_at.at(at++));
        BOOST_TEST(block.back() == given - 1);
    }
    BOOST_TEST(at == 3u);

    generator<int> one_by_one = [&](auto& yield) {
        for (int i = 0; i != 3; ++i) yield(given = i);
    };
    for (const int i : one_by_one) BOOST_TEST(given == i);
}

BOOST_AUTO_TEST_CASE(who_ran_ahead_and_is_then_read_step_by_step_goes_on_where_it_stands) {
    generator<int> g = [](auto& yield) {
        for (int i = 0; i != 6; ++i) yield(i);
    };
    for (const auto block : g.blocks(3)) {
        BOOST_TEST(block.back() == 2);
        break;
    }
    BOOST_TEST(*g.next() == 3);
    BOOST_TEST((listed(g.blocks(3)) == lists{{4, 5}}));
}

BOOST_AUTO_TEST_CASE(an_error_of_a_body_that_ran_ahead_comes_after_what_it_gave) {
    generator<std::string> g = [](auto& yield) {
        yield("a");
        yield("b");
        throw oops();
    };
    auto blocks = g.blocks(10);
    auto it = blocks.begin();
    BOOST_TEST((*it).size() == 2u);
    BOOST_CHECK_THROW(++it, oops);
    BOOST_TEST((g.status() == status::closed));
    BOOST_TEST(g.next().finished());
}

BOOST_AUTO_TEST_CASE(an_error_of_a_body_that_ran_ahead_is_not_lost_with_who_read_it) {
    const auto failing = []() -> generator<int> {
        return [](auto& yield) {
            yield(1);
            yield(2);
            throw oops();
        };
    };
    {
        auto g = failing();
        BOOST_TEST((*g.blocks(5).begin()).size() == 2u);
        BOOST_CHECK_THROW(g.next(), oops);
    }
    const crocus::test::reports reports;
    {
        auto g = failing();
        BOOST_TEST((*g.blocks(5).begin()).size() == 2u);
    }
    BOOST_TEST(reports.texts.size() == 1u);
}

BOOST_AUTO_TEST_CASE(values_that_only_move_are_left_behind_by_a_body_that_runs_ahead) {
    generator<std::unique_ptr<int>> g = [](auto& yield) {
        for (int i = 0; i != 5; ++i) yield(std::make_unique<int>(i));
    };
    int expected = 0;
    for (const auto block : g.blocks(2))
        for (const auto& p : block) BOOST_TEST(*p == expected++);
    BOOST_TEST(expected == 5);

    generator<bool> bits = [](auto& yield) {
        yield(true);
        yield(false);
    };
    for (const std::span<bool> block : bits.blocks(8)) BOOST_TEST((block[0] && !block[1]));
}

BOOST_AUTO_TEST_CASE(running_ahead_reaches_yields_of_called_functions_and_keeps_the_rules_of_yield) {
    generator<int>::yielder* outside = nullptr;
    generator<int> g = [&](auto& yield) {
        outside = &yield;
        yield(0);
        const std::array numbers{1, 2, 3};
        std::ranges::for_each(numbers, [&](int i) { yield(i); });
        generator<int> inner = [&](auto&) { yield(99); };
        BOOST_CHECK_THROW(inner.next(), crocus::wrong_fiber);
        yield.from(std::vector{4, 5});
        {
            const crocus::detail::yield_barrier barrier;
            BOOST_CHECK_THROW(yield(99), crocus::yield_across_scope);
        }
        yield(6);
    };
    BOOST_TEST((listed(g.blocks(100)) == lists{{0, 1, 2, 3, 4, 5, 6}}));
}

BOOST_AUTO_TEST_CASE(blocks_of_nothing_cannot_be_asked_for_and_a_running_body_cannot_be_read) {
    generator<int>* self = nullptr;
    generator<int> g = [&](auto& yield) {
        yield(1);
        BOOST_CHECK_THROW(static_cast<void>(self->blocks(3).begin()), crocus::generator_already_executing);
        yield(2);
        yield(3);
    };
    self = &g;
    BOOST_CHECK_THROW(static_cast<void>(g.blocks(0)), crocus::usage_error);
    BOOST_TEST((listed(g.blocks(2)) == lists{{1, 2}, {3}}));
}
