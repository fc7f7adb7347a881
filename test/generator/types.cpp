// What can be yielded, sent and returned; ranges.
#define BOOST_TEST_MODULE generator_types
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <concepts>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

#include "support/page.hpp"

namespace {

using crocus::generator;

generator<int> count(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

/// Neither default-constructible nor assignable.
struct fixed {
    explicit fixed(int n) : number(n) {}
    const int number;
};

struct counted {
    counted() = default;
    counted(const counted&) { ++copies; }
    counted(counted&&) noexcept { ++moves; }
    counted& operator=(const counted&) = delete;
    static inline int copies = 0, moves = 0;
};

struct alignas(64) wide {
    unsigned char bytes[64];
    [[nodiscard]] bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
};

/// A generator that yields, is sent and returns a T each.
template <class T>
generator<T, T, T> exchanging(T first) {
    return [first = std::move(first)](auto& yield) mutable -> T {
        auto got = yield(std::move(first));
        if (!got) throw crocus::usage_error("nothing came");
        return *std::move(got);
    };
}

}  // namespace

static_assert(std::ranges::input_range<generator<int>>);
static_assert(!std::ranges::forward_range<generator<int>>);
static_assert(std::ranges::view<generator<int>>);
static_assert(std::input_iterator<generator<int>::iterator>);
static_assert(!std::copyable<generator<int>::iterator>);
static_assert(std::same_as<std::ranges::range_reference_t<generator<int>>, int&>);
static_assert(std::same_as<std::ranges::range_reference_t<generator<const int&>>, const int&>);
static_assert(std::same_as<std::ranges::range_value_t<generator<const int&>>, int>);
static_assert(std::same_as<decltype(std::declval<generator<int>&>().close()), void>);
static_assert(std::same_as<decltype(std::declval<generator<int, void, int>&>().close()), std::optional<int>>);
static_assert(!std::is_constructible_v<generator<int>, int>);
static_assert(!std::is_constructible_v<generator<int>, void (*)(int)>);
static_assert(!std::is_copy_constructible_v<generator<int>::yielder>);

BOOST_AUTO_TEST_CASE(a_value_a_bool_a_string_and_what_only_moves_can_be_exchanged) {
    auto number = exchanging(1);
    BOOST_TEST(*number.next() == 1);
    BOOST_TEST(number.send(2).result() == 2);
    auto flag = exchanging(false);
    auto first = flag.next();
    BOOST_TEST(first.yielded());
    BOOST_TEST(!*first);
    BOOST_TEST(flag.send(true).result() == true);
    auto text = exchanging(std::string("a"));
    auto s = text.next();
    BOOST_TEST(s->size() == 1u);
    BOOST_TEST(*s == "a");
    BOOST_TEST(text.send("from a literal").result() == "from a literal");
    auto owner = exchanging(std::make_unique<int>(1));
    BOOST_TEST(**owner.next() == 1);
    BOOST_TEST(*owner.send(std::make_unique<int>(2)).result() == 2);
}

BOOST_AUTO_TEST_CASE(what_has_no_default_and_cannot_be_assigned_can_be_exchanged) {
    auto g = exchanging(fixed(1));
    const auto s = g.next();  // a step can be const
    BOOST_TEST(s->number == 1);
    BOOST_TEST((*s).number == 1);
    BOOST_TEST(g.send(fixed(2)).result().number == 2);
    generator<fixed, void, int> outer = [](auto& yield) {
        generator<fixed, void, fixed> inner = [](auto& inner_yield) {
            inner_yield(fixed(3));
            return fixed(4);
        };
        return yield.from(inner).number;
    };
    for (auto& f : outer) BOOST_TEST(f.number == 3);
}

BOOST_AUTO_TEST_CASE(what_cannot_even_be_moved_can_be_iterated_over) {
    generator<std::mutex> g = [](auto& yield) { yield(std::mutex()); };
    for (std::mutex& m : g) {
        BOOST_TEST(m.try_lock());
        m.unlock();
    }
}

BOOST_AUTO_TEST_CASE(over_aligned_values_are_aligned_everywhere) {
    generator<const wide&, const wide&, wide> g = [](auto& yield) {
        const wide local{};
        BOOST_TEST(local.aligned());
        auto got = yield(local);
        BOOST_TEST(got->aligned());
        return *got;
    };
    const wide sent{};
    g.next();
    auto end = g.send(sent);
    const wide result = end.result();
    BOOST_TEST(result.aligned());
}

BOOST_AUTO_TEST_CASE(over_aligned_bodies_are_aligned) {
    using crocus::test::page;
    std::vector<generator<int>> all;  // several: one may lie well by chance
    for (int i = 0; i != 4; ++i) {
        all.emplace_back([captured = page()](auto& yield) {
            BOOST_TEST(captured.aligned());
            yield(1);
        });
        all.back().next();
    }
}

BOOST_AUTO_TEST_CASE(references_refer_to_the_very_object) {
    int yielded = 1, sent = 2, returned = 3;
    generator<int&, int&, int&> g = [&](auto& yield) -> int& {
        auto got = yield(yielded);
        BOOST_TEST(&*got == &sent);
        return returned;
    };
    BOOST_TEST(&*g.next() == &yielded);
    BOOST_TEST(&g.send(sent).result() == &returned);

    generator<int, void, int&> closed = [&](auto& yield) -> int& {
        try {
            yield(1);
        } catch (const crocus::generator_exit&) {
        }
        return returned;
    };
    closed.next();
    BOOST_TEST(closed.close() == &returned);
}

BOOST_AUTO_TEST_CASE(a_reference_to_const_yields_in_place_and_copies_nothing) {
    counted::copies = counted::moves = 0;
    generator<const counted&, const counted&> g = [](auto& yield) {
        const counted here;
        yield(here);
        yield(counted());
    };
    for (const counted& c : g) static_cast<void>(c);
    BOOST_TEST(counted::copies == 0);
    BOOST_TEST(counted::moves == 0);
}

BOOST_AUTO_TEST_CASE(iteration_sees_values_in_place_and_next_moves_them_once) {
    counted::copies = counted::moves = 0;
    const auto yielding = []() -> generator<counted> { return [](auto& yield) { yield(counted()); }; };
    for (auto& c : yielding()) static_cast<void>(c);
    BOOST_TEST(counted::moves == 0);
    auto g = yielding();
    [[maybe_unused]] const auto s = g.next();
    BOOST_TEST(counted::copies == 0);
    BOOST_TEST(counted::moves == 1);
}

BOOST_AUTO_TEST_CASE(a_temporary_sent_as_a_reference_lives_until_the_body_yields_again) {
    std::string seen;
    generator<int, const std::string&> g = [&](auto& yield) {
        for (int i = 0;; ++i) {
            auto got = yield(i);
            seen += *got;
        }
    };
    g.next();
    g.send("a literal that has to become a string of its own on the heap; ");
    g.send(std::string("a temporary; "));
    const std::string named = "a name";
    g.send(named);
    BOOST_TEST(seen == "a literal that has to become a string of its own on the heap; a temporary; a name");
}

BOOST_AUTO_TEST_CASE(a_step_owns_its_value_and_outlives_the_generator) {
    auto g = std::make_unique<generator<std::string>>([](auto& yield) { yield(std::string(100, 'x')); });
    auto s = g->next();
    g.reset();
    BOOST_TEST(s->size() == 100u);
    auto moved = std::move(s);
    BOOST_TEST(moved.value() == std::string(100, 'x'));
}

BOOST_AUTO_TEST_CASE(a_body_may_be_any_callable) {
    struct twice {
        void operator()(generator<int>::yielder& yield) {
            yield(n);
            yield(n);
        }
        int n;
    };
    generator<int> from_object = twice{4};
    BOOST_TEST(*from_object.next() == 4);
    generator<int> from_pointer = +[](generator<int>::yielder& yield) { yield(5); };
    BOOST_TEST(*from_pointer.next() == 5);
    std::function<void(generator<int>::yielder&)> function = [](auto& yield) { yield(6); };
    generator<int> from_function = function;
    BOOST_TEST(*from_function.next() == 6);
    generator<int> from_mutable = [n = std::make_unique<int>(7)](auto& yield) mutable { yield(++*n); };
    BOOST_TEST(*from_mutable.next() == 8);
    generator<int> returning = [](auto& yield) {
        yield(1);
        return std::string("dropped, since Return is void");
    };
    returning.next();
    BOOST_TEST(returning.next().finished());
}

BOOST_AUTO_TEST_CASE(an_exception_while_a_value_is_copied_out_leaves_the_generator_suspended) {
    struct fragile {
        fragile() = default;
        fragile(const fragile&) { throw 1; }
    };
    generator<fragile> g = [](auto& yield) {
        yield(fragile());
        yield(fragile());
    };
    BOOST_CHECK_THROW(g.next(), int);
    BOOST_TEST((g.status() == crocus::generator_status::suspended));
    auto it = g.begin();  // in place
    ++it;
    BOOST_TEST((it == g.end()));
}

// users_ask T23
BOOST_AUTO_TEST_CASE(views_can_be_put_on_a_generator) {
    const auto even = [](int i) { return i % 2 == 0; };
    const auto squared = [](int i) { return i * i; };
    std::vector<int> all;
    for (int i : count(100) | std::views::filter(even) | std::views::transform(squared) | std::views::take(4))
        all.push_back(i);
    const std::vector<int> expected{0, 4, 16, 36};
    BOOST_TEST(all == expected, boost::test_tools::per_element());

    auto g = count(10);
    all.clear();
    for (int i : std::ranges::ref_view(g) | std::views::drop(2) | std::views::take_while([](int i) { return i < 5; }))
        all.push_back(i);
    const std::vector<int> some{2, 3, 4};
    BOOST_TEST(all == some, boost::test_tools::per_element());
    BOOST_TEST(*g.next() == 6);  // 5 was looked at
}

BOOST_AUTO_TEST_CASE(algorithms_take_a_generator) {
    BOOST_TEST(std::ranges::count_if(count(10), [](int i) { return i > 6; }) == 3);
    auto g = count(10);
    const auto found = std::ranges::find(g, 4);
    BOOST_TEST(*found == 4);
    std::vector<int> rest;
    std::ranges::copy(g, std::back_inserter(rest));
    BOOST_TEST(rest.front() == 5);
    BOOST_TEST(rest.size() == 5u);
}

BOOST_AUTO_TEST_CASE(values_may_be_moved_out_while_iterating) {
    generator<std::unique_ptr<int>> g = [](auto& yield) {
        for (int i = 0; i != 3; ++i) yield(std::make_unique<int>(i));
    };
    std::vector<std::unique_ptr<int>> taken;
    for (auto& p : g) taken.push_back(std::move(p));
    BOOST_TEST(taken.size() == 3u);
    BOOST_TEST(*taken[2] == 2);
}
