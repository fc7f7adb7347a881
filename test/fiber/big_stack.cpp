// A call on a larger stack: a part of the flow that makes it, in every respect but the stack.
#define BOOST_TEST_MODULE fiber_big_stack
#include <boost/test/unit_test.hpp>
#include <cfenv>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

using crocus::with_big_stack;

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = 1024 * KiB;

/// Fills a frame of half a MiB, calls f, and sums up what is in the frame then.
template <class F>
[[gnu::noinline, gnu::no_sanitize_address]] std::size_t in_a_large_frame(F f) {
    volatile unsigned char frame[512 * KiB];
    for (std::size_t i = 0; i != sizeof frame; ++i) frame[i] = static_cast<unsigned char>(i % 2);
    f();
    return std::accumulate(frame, frame + sizeof frame, std::size_t{0});
}

struct exception_state {
    std::exception_ptr current = std::current_exception();
    int uncaught = std::uncaught_exceptions();

    bool operator==(const exception_state&) const = default;
};

template <class F>
struct at_exit {
    ~at_exit() { f(); }
    F f;
};
template <class F>
at_exit(F) -> at_exit<F>;

struct level {
    int number;
};

}  // namespace

// users_ask T1
BOOST_AUTO_TEST_CASE(a_task_with_a_stack_of_32_KiB_borrows_a_MiB_and_suspends_in_the_middle) {
    std::string trace;
    const std::size_t sum = crocus::run([&] {
        auto small = crocus::create_task(
            [&] {
                return with_big_stack(1 * MiB, [&] {
                    return in_a_large_frame([&] {
                        trace += "a";
                        crocus::yield_now();
                        trace += "c";
                    });
                });
            },
            {.stack_size = 32 * KiB});
        crocus::yield_now();
        trace += "b";
        return small.get();
    });
    BOOST_TEST(sum == 256 * KiB);
    BOOST_TEST(trace == "abc");
}

BOOST_AUTO_TEST_CASE(main_may_borrow_and_wait_before_it_has_a_loop) {
    int steps = 0;
    std::thread([&] {
        with_big_stack(1 * MiB, [&] {
            auto task = crocus::create_task([&] { ++steps; });
            task.get();
            ++steps;
        });
        crocus::yield_now();
        ++steps;
    }).join();
    BOOST_TEST(steps == 3);
}

BOOST_AUTO_TEST_CASE(the_result_comes_back_be_it_a_value_a_reference_or_nothing) {
    BOOST_TEST(with_big_stack(1 * MiB, [] { return std::string("value"); }) == "value");
    BOOST_TEST(*with_big_stack(1 * MiB, [] { return std::make_unique<int>(7); }) == 7);
    int place = 0;
    int& reference = with_big_stack(1 * MiB, [&]() -> int& { return place; });
    BOOST_TEST(&reference == &place);
    const int& constant = with_big_stack(1 * MiB, [&]() -> const int& { return place; });
    BOOST_TEST(&constant == &place);
    int&& expiring = with_big_stack(1 * MiB, [&]() -> int&& { return std::move(place); });
    BOOST_TEST(&expiring == &place);
    with_big_stack(1 * MiB, [&] { place = 1; });
    BOOST_TEST(place == 1);
    static_assert(std::is_void_v<decltype(with_big_stack(1, [] {}))>);
}

BOOST_AUTO_TEST_CASE(anything_that_can_be_called_is_called_as_what_it_was_passed) {
    struct counted {
        int operator()() & { return 1; }
        int operator()() && { return 2; }
    } lvalue;
    BOOST_TEST(with_big_stack(1 * MiB, lvalue) == 1);
    BOOST_TEST(with_big_stack(1 * MiB, counted()) == 2);
    int (*const function)() = [] { return 3; };
    BOOST_TEST(with_big_stack(1 * MiB, function) == 3);
    auto only_moved = [owned = std::make_unique<int>(4)] { return *owned; };
    BOOST_TEST(with_big_stack(1 * MiB, std::move(only_moved)) == 4);
}

BOOST_AUTO_TEST_CASE(what_is_thrown_in_it_comes_out_and_the_stack_is_given_back) {
    const void* frame = nullptr;
    for (int i = 0; i != 3; ++i) {
        const void* const before = std::exchange(frame, nullptr);
        BOOST_CHECK_EXCEPTION(with_big_stack(7 * MiB,
                                             [&] {
                                                 frame = crocus::fiber::current().on().bottom();
                                                 throw std::runtime_error("inside");
                                             }),
                              std::runtime_error, [](const auto& e) { return e.what() == std::string("inside"); });
        BOOST_TEST((before == nullptr || before == frame));
    }
    BOOST_TEST(std::uncaught_exceptions() == 0);
    BOOST_TEST((std::current_exception() == nullptr));
}

BOOST_AUTO_TEST_CASE(an_exception_passes_through_every_borrowed_stack) {
    try {
        with_big_stack(1 * MiB, [] {
            try {
                with_big_stack(2 * MiB, [] { throw level{2}; });
            } catch (const level& inner) {
                throw level{inner.number - 1};
            }
        });
        BOOST_ERROR("nothing was thrown");
    } catch (const level& outer) {
        BOOST_TEST(outer.number == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_size_that_cannot_be_had_is_an_error_and_nothing_is_called) {
    bool called = false;
    BOOST_CHECK_THROW(with_big_stack(0, [&] { called = true; }), crocus::usage_error);
    BOOST_TEST(!called);
}

BOOST_AUTO_TEST_CASE(calls_nest) {
    std::function<int(int)> deep = [&](int depth) -> int {
        return depth == 0 ? 0 : 1 + with_big_stack(100 * KiB, [&] { return deep(depth - 1); });
    };
    BOOST_TEST(deep(50) == 50);
    BOOST_TEST(crocus::run([&] { return deep(50); }) == 50);
}

// ------------------------------------------------------------------------------------------------------- exceptions

BOOST_AUTO_TEST_CASE(the_call_sees_the_exception_that_its_caller_handles_and_may_rethrow_it) {
    for (const bool suspends : {false, true}) {
        crocus::run([&] {
            auto other = crocus::create_task([] {
                for (int i = 0; i != 4; ++i) crocus::yield_now();
            });
            try {
                try {
                    throw level{1};
                } catch (const level& caught) {
                    const exception_state outside;
                    with_big_stack(1 * MiB, [&] {
                        BOOST_TEST((exception_state() == outside));
                        if (suspends) crocus::yield_now();
                        BOOST_TEST((exception_state() == outside));
                        try {
                            throw level{2};
                        } catch (const level&) {
                            if (suspends) crocus::yield_now();
                        }
                        BOOST_TEST((exception_state() == outside));
                    });
                    BOOST_TEST((exception_state() == outside));
                    BOOST_TEST(caught.number == 1);
                    with_big_stack(1 * MiB, [&] {
                        if (suspends) crocus::yield_now();
                        throw;
                    });
                }
            } catch (const level& again) {
                BOOST_TEST(again.number == 1);
            }
            BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
            other.get();
        });
    }
}

BOOST_AUTO_TEST_CASE(the_call_knows_that_an_exception_unwinds_its_caller) {
    bool called = false;
    try {
        const at_exit guard{[&] {
            with_big_stack(1 * MiB, [&] {
                BOOST_TEST(std::uncaught_exceptions() == 1);
                BOOST_TEST(crocus::fiber::current().unwinding());
                try {
                    throw level{2};
                } catch (const level&) {
                    called = true;
                }
                BOOST_TEST(std::uncaught_exceptions() == 1);
            });
            BOOST_TEST(std::uncaught_exceptions() == 1);
        }};
        throw level{1};
    } catch (const level& caught) {
        BOOST_TEST(caught.number == 1);
    }
    BOOST_TEST(called);
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

BOOST_AUTO_TEST_CASE(a_generator_that_is_entered_while_an_exception_unwinds_tells_the_call_so) {
    crocus::generator<bool> asks = [](auto& yield) {
        for (;;) yield(with_big_stack(1 * MiB, [] { return crocus::fiber::current().unwinding(); }));
    };
    BOOST_TEST(!*asks.next());
    try {
        const at_exit guard{[&] { BOOST_TEST(*asks.next()); }};
        throw level{1};
    } catch (const level&) {
    }
    BOOST_TEST(!*asks.next());
}

BOOST_AUTO_TEST_CASE(a_cancellation_is_raised_in_the_call) {
    bool raised_inside = false;
    crocus::run([&] {
        auto task = crocus::create_task([&] {
            with_big_stack(1 * MiB, [&] {
                try {
                    crocus::wait_queue().wait();
                } catch (const crocus::cancelled_error&) {
                    raised_inside = true;
                    throw;
                }
            });
        });
        crocus::yield_now();
        task.cancel();
        BOOST_CHECK_THROW(task.get(), crocus::cancelled_error);
    });
    BOOST_TEST(raised_inside);
}

BOOST_AUTO_TEST_CASE(a_cancellation_is_held_while_the_caller_is_unwound) {
    bool went_on = false;
    crocus::run([&] {
        auto task = crocus::create_task([&] {
            try {
                const at_exit guard{[&] {
                    with_big_stack(1 * MiB, [&] {
                        crocus::yield_now();
                        went_on = true;
                    });
                }};
                throw level{1};
            } catch (const level&) {
            }
            crocus::yield_now();  // here it is raised
        });
        crocus::yield_now();
        task.cancel();
        BOOST_CHECK_THROW(task.get(), crocus::cancelled_error);
    });
    BOOST_TEST(went_on);
}

// ------------------------------------------------------------------------------------------------ the rest of the flow

BOOST_AUTO_TEST_CASE(the_call_rounds_as_its_caller_does_and_what_it_sets_stays) {
    const auto rounding_inside_is = [](int mode) {
        return with_big_stack(1 * MiB, [&] { return std::fegetround() == mode; });
    };
    {
        const crocus::fp_scope own;
        std::fesetround(FE_UPWARD);
        BOOST_TEST(rounding_inside_is(FE_UPWARD));
        with_big_stack(1 * MiB, [] { std::fesetround(FE_DOWNWARD); });
        BOOST_TEST(std::fegetround() == FE_DOWNWARD);
        BOOST_TEST(with_big_stack(1 * MiB, [&] { return rounding_inside_is(FE_DOWNWARD); }));
    }
    BOOST_TEST(std::fegetround() == FE_TONEAREST);
    std::fesetround(FE_UPWARD);
    BOOST_TEST(rounding_inside_is(FE_UPWARD));
    with_big_stack(1 * MiB, [] { std::fesetround(FE_TONEAREST); });
    BOOST_TEST(std::fegetround() == FE_TONEAREST);
}

BOOST_AUTO_TEST_CASE(a_generators_body_that_yields_from_a_borrowed_stack_is_told_so) {
    crocus::generator<int> g = [](auto& yield) { with_big_stack(1 * MiB, [&] { yield(1); }); };
    BOOST_CHECK_THROW(g.next(), crocus::wrong_fiber);
}

BOOST_AUTO_TEST_CASE(generators_are_used_in_the_call_as_anywhere) {
    crocus::generator<int> numbers = [](auto& yield) {
        for (int i = 0;; ++i) yield(i);
    };
    BOOST_TEST(*numbers.next() == 0);
    BOOST_TEST(with_big_stack(1 * MiB, [&] { return *numbers.next(); }) == 1);
    BOOST_TEST(*numbers.next() == 2);
}

// -------------------------------------------------------------------------------------------------- stack_remaining

BOOST_AUTO_TEST_CASE(what_remains_of_a_fibers_stack_is_little_less_than_all_of_it_at_first) {
    for (const std::size_t size : {100 * KiB, 1 * MiB, 30 * MiB})
        with_big_stack(size, [&] {
            const std::size_t all = crocus::fiber::current().on().size();
            BOOST_TEST(crocus::stack_remaining() < all);
            BOOST_TEST(crocus::stack_remaining() + 16 * KiB > all);
        });
}

BOOST_AUTO_TEST_CASE(what_remains_shrinks_by_what_a_frame_takes) {
    std::size_t below = 0;
    with_big_stack(1 * MiB, [&] {
        const std::size_t before = crocus::stack_remaining();
        in_a_large_frame([&] { below = crocus::stack_remaining(); });
        BOOST_TEST(below + 511 * KiB < before);
        BOOST_TEST(below + 516 * KiB > before);
        BOOST_TEST(crocus::stack_remaining() == before);
    });
}

BOOST_AUTO_TEST_CASE(a_recursion_that_asks_what_remains_never_overflows) {
    std::function<int(int)> deep = [&](int depth) -> int {
        if (depth == 20'000) return depth;
        const volatile char frame[100] = {};
        if (crocus::stack_remaining() < 32 * KiB)
            return with_big_stack(1 * MiB, [&] { return deep(depth + 1); }) + frame[depth % 100];
        return deep(depth + 1) + frame[depth % 100];
    };
    BOOST_TEST(with_big_stack(64 * KiB, [&] { return deep(0); }) == 20'000);
}

BOOST_AUTO_TEST_CASE(what_remains_of_a_threads_own_stack_is_known_too) {
    const std::size_t here = crocus::stack_remaining();
    BOOST_TEST(here > 64 * KiB);
    std::size_t inside = 0;
    with_big_stack(30 * MiB, [&] { inside = crocus::stack_remaining(); });
    BOOST_TEST(inside > 29 * MiB);
    BOOST_TEST(crocus::stack_remaining() == here);
    std::size_t on_thread = 0, in_frame = 0;
    std::thread([&] {
        on_thread = crocus::stack_remaining();
        in_a_large_frame([&] { in_frame = crocus::stack_remaining(); });
    }).join();
    BOOST_TEST(on_thread > 1 * MiB);
    BOOST_TEST(in_frame + 511 * KiB < on_thread);
}
