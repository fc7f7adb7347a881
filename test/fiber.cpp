#define BOOST_TEST_MODULE fiber
#include <crocus/fiber.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/flow.hpp"

namespace {

using crocus::fiber;
using crocus::test::flow;

/// Out of line, because pthread_self is declared const: the compiler would not ask again after a switch.
[[gnu::noinline]] std::thread::id this_thread() {
    asm volatile("");
    return std::this_thread::get_id();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_fiber_runs_from_entry_to_leave_and_goes_on_where_it_left) {
    std::string trace;
    flow f([&](flow& self) {
        trace += "b";
        self.leave();
        trace += "d";
    });
    trace += "a";
    f.enter();
    trace += "c";
    f.enter();
    trace += "e";
    BOOST_TEST(trace == "abcde");
    BOOST_TEST(f.ended());
}

BOOST_AUTO_TEST_CASE(current_is_the_fiber_that_runs_or_the_threads_own_flow) {
    fiber& own = fiber::current();
    BOOST_TEST(&fiber::current() == &own);
    BOOST_TEST(!own.on());
    fiber* inside = nullptr;
    flow f([&](flow& self) {
        inside = &fiber::current();
        self.leave();
    });
    const fiber* const expected = &f.itself();
    f.enter();
    BOOST_TEST(inside == expected);
    BOOST_TEST(&fiber::current() == &own);
    std::thread([&] { BOOST_TEST(&fiber::current() != &own); }).join();
    f.enter();
}

BOOST_AUTO_TEST_CASE(a_fiber_that_was_made_and_never_entered_may_be_destroyed) {
    bool ran = false;
    {
        const flow f([&](flow&) { ran = true; });
    }
    BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(a_body_runs_on_its_stack_which_is_given_back_when_it_exits) {
    constexpr std::size_t size = 900 * 1024;
    const void* frame = nullptr;
    flow f(
        [&](flow& self) {
            frame = __builtin_frame_address(0);
            self.leave();
        },
        size);
    const void* const bottom = f.itself().on().bottom();
    const void* const top = f.itself().on().top();
    f.enter();
    BOOST_TEST((frame >= bottom && frame < top));
    BOOST_TEST(crocus::stack(size).top() != top);
    f.enter();
    BOOST_TEST(crocus::stack(size).top() == top);
}

BOOST_AUTO_TEST_CASE(after_runs_on_the_fiber_that_is_entered_next) {
    struct {
        fiber* ran_on = nullptr;
        fiber* back = nullptr;
    } seen;
    fiber leaving(
        crocus::stack(crocus::stack::default_size()),
        [](fiber&, void* argument) {
            fiber::exit_to(
                *static_cast<decltype(seen)*>(argument)->back,
                [](void* a) noexcept { static_cast<decltype(seen)*>(a)->ran_on = &fiber::current(); }, argument);
        },
        &seen);
    seen.back = &fiber::current();
    leaving.enter();
    BOOST_TEST(seen.ran_on == &fiber::current());
}

BOOST_AUTO_TEST_CASE(a_fiber_may_exit_into_one_that_was_never_entered) {
    fiber& own = fiber::current();
    std::string trace;
    struct pair {
        std::string& trace;
        fiber& own;
        std::optional<fiber> first, second;
    } both{trace, own, {}, {}};
    both.first.emplace(
        crocus::stack(crocus::stack::default_size()),
        [](fiber&, void* a) {
            auto& p = *static_cast<pair*>(a);
            p.trace += "1";
            fiber::exit_to(
                *p.second, [](void* b) noexcept { static_cast<pair*>(b)->first.reset(); }, a);
        },
        &both);
    both.second.emplace(
        crocus::stack(crocus::stack::default_size()),
        [](fiber&, void* a) {
            auto& p = *static_cast<pair*>(a);
            p.trace += p.first ? "!" : "2";
            fiber::exit_to(
                p.own, [](void* b) noexcept { static_cast<pair*>(b)->second.reset(); }, a);
        },
        &both);
    both.first->enter();
    BOOST_TEST(trace == "12");
    BOOST_TEST(!both.second);
}

BOOST_AUTO_TEST_CASE(fibers_enter_each_other_in_any_order) {
    std::string trace;
    std::optional<flow> a, b, c;
    a.emplace([&](flow& self) {
        trace += "a";
        b->enter();
        trace += "A";
        self.leave();
        trace += "x";
    });
    b.emplace([&](flow& self) {
        trace += "b";
        c->enter();
        trace += "B";
        self.leave();
        trace += "y";
    });
    c.emplace([&](flow& self) {
        trace += "c";
        self.leave();
        trace += "z";
    });
    a->enter();
    c->enter();
    b->enter();
    a->enter();
    BOOST_TEST(trace == "abcBAzyx");
}

BOOST_AUTO_TEST_CASE(values_of_every_kind_are_alive_after_a_switch) {
    flow other([](flow& self) {
        for (int round = 0; round != 3; ++round) {
            volatile double noise = 1;
            volatile long double wide = 1;
            for (int i = 0; i != 20; ++i) {
                noise = noise * 1.5;
                wide = wide / 1.25L;
            }
            self.leave();
        }
    });
    const volatile int one = 1;
    std::uint64_t integers[8];
    for (auto& i : integers) i = static_cast<std::uint64_t>(one) << (&i - integers + 40);
    const float f = static_cast<float>(one) / 3;
    const double d = static_cast<double>(one) / 3;
    const long double l = static_cast<long double>(one) / 3;
    std::uint64_t sum = 0;
    for (int i = 0; i != 3; ++i) {
        other.enter();
        for (const auto& n : integers) sum += n;
        BOOST_TEST((f == static_cast<float>(one) / 3 && d == static_cast<double>(one) / 3));
        BOOST_TEST((l == static_cast<long double>(one) / 3));
    }
    BOOST_TEST(sum == 3 * (std::uint64_t{255} << 40));
    other.enter();
}

// G17
BOOST_AUTO_TEST_CASE(a_fiber_may_hop_from_thread_to_thread) {
    std::vector<std::thread::id> ran_on;
    flow f([&](flow& self) {
        auto kept = std::make_unique<int>(0);
        for (; *kept != 8; ++*kept) {
            ran_on.push_back(this_thread());
            self.leave();
        }
    });
    for (int i = 0; i != 4; ++i) {
        f.enter();
        f.enter_on_a_thread();
    }
    BOOST_TEST(ran_on.size() == 8u);
    for (std::size_t i = 0; i != 8; i += 2) {
        BOOST_TEST((ran_on[i] == std::this_thread::get_id()));
        BOOST_TEST((ran_on[i + 1] != std::this_thread::get_id()));
    }
    f.enter_on_a_thread();
    BOOST_TEST(f.ended());
}

BOOST_AUTO_TEST_CASE(a_fiber_may_be_made_on_a_thread_that_has_ended) {
    std::optional<flow> f;
    int steps = 0;
    std::thread([&] {
        f.emplace([&](flow& self) {
            ++steps;
            self.leave();
            ++steps;
        });
        f->enter();
    }).join();
    f->enter();
    BOOST_TEST(steps == 2);
    BOOST_TEST(f->ended());
}
