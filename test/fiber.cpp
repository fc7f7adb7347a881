#define BOOST_TEST_MODULE fiber
#include <crocus/fiber.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using crocus::fiber;

/// A fiber that runs a function, which goes back to whoever entered it by leave().
class flow {
public:
    explicit flow(std::function<void(flow&)> f, std::size_t stack_size = crocus::stack::default_size())
        : f_(std::move(f)), fiber_(std::in_place, crocus::stack(stack_size), &flow::run, this) {}

    void enter() {
        back_ = &fiber::current();
        fiber_->enter();
    }
    void enter_on_a_thread() {
        std::thread([this] { enter(); }).join();
    }
    void leave() { std::exchange(back_, nullptr)->enter(); }
    [[nodiscard]] bool ended() const { return !fiber_; }
    [[nodiscard]] const fiber& itself() const { return *fiber_; }

private:
    static void run(fiber&, void* argument) {
        auto& self = *static_cast<flow*>(argument);
        self.f_(self);
        fiber::exit_to(*self.back_, [](void* ended) noexcept { static_cast<flow*>(ended)->fiber_.reset(); }, &self);
    }

    std::function<void(flow&)> f_;
    std::optional<fiber> fiber_;
    fiber* back_ = nullptr;
};

/// What the C++ runtime says about exceptions here.
struct exception_state {
    std::exception_ptr current = std::current_exception();
    int uncaught = std::uncaught_exceptions();

    bool operator==(const exception_state&) const = default;
};

struct level {
    int number;
};

/// Leaves inside `depth` nested handlers, and looks at the exception state on the way in and out.
void leave_in_handlers(flow& self, int depth) {
    const exception_state before;
    if (depth == 0) {
        self.leave();
    } else {
        try {
            throw level{depth};
        } catch (const level& caught) {
            leave_in_handlers(self, depth - 1);
            BOOST_TEST(caught.number == depth);
        }
    }
    BOOST_TEST((before == exception_state()));
}

struct leaves_when_destroyed {
    ~leaves_when_destroyed() {
        const exception_state before;
        BOOST_TEST(before.uncaught == expected);
        leave_in_handlers(self, 2);
        BOOST_TEST((before == exception_state()));
    }
    flow& self;
    int expected;
};

/// Leaves in a destructor that runs because an exception unwinds, inside `depth` nested handlers.
void leave_while_unwinding(flow& self, int depth) {
    if (depth != 0) {
        try {
            throw level{depth};
        } catch (const level&) {
            leave_while_unwinding(self, depth - 1);
        }
        return;
    }
    try {
        const leaves_when_destroyed guard{self, 1};
        throw level{100};
    } catch (const level& caught) {
        BOOST_TEST(caught.number == 100);
    }
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

/// Out of line, because pthread_self is declared const: the compiler would not ask again after a switch.
[[gnu::noinline]] std::thread::id this_thread() {
    asm volatile("");
    return std::this_thread::get_id();
}

using enter_in_some_way = void (flow::*)();
constexpr enter_in_some_way ways[] = {&flow::enter, &flow::enter_on_a_thread};

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
    { const flow f([&](flow&) { ran = true; }); }
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
            fiber::exit_to(*p.second, [](void* b) noexcept { static_cast<pair*>(b)->first.reset(); }, a);
        },
        &both);
    both.second.emplace(
        crocus::stack(crocus::stack::default_size()),
        [](fiber&, void* a) {
            auto& p = *static_cast<pair*>(a);
            p.trace += p.first ? "!" : "2";
            fiber::exit_to(p.own, [](void* b) noexcept { static_cast<pair*>(b)->second.reset(); }, a);
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

// G18; users_ask T4
BOOST_AUTO_TEST_CASE(leaving_in_nested_handlers_keeps_the_exception_state_of_each_fiber) {
    for (const auto enter : ways)
        for (int depth = 0; depth != 4; ++depth)
            for (int outer_depth = 0; outer_depth != 2; ++outer_depth) {
                flow f([&](flow& self) {
                    BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
                    leave_in_handlers(self, depth);
                });
                const exception_state before;
                (f.*enter)();
                BOOST_TEST((before == exception_state()));
                try {
                    if (outer_depth != 0) throw level{-1};
                    (f.*enter)();
                } catch (const level& mine) {
                    const exception_state inside;
                    (f.*enter)();
                    BOOST_TEST((inside == exception_state()));
                    BOOST_TEST(mine.number == -1);
                }
                BOOST_TEST(f.ended());
                BOOST_TEST((before == exception_state()));
            }
}

BOOST_AUTO_TEST_CASE(leaving_in_a_destructor_while_unwinding_keeps_the_exception_state_of_each_fiber) {
    for (const auto enter : ways)
        for (int depth = 0; depth != 4; ++depth) {
            flow f([&](flow& self) { leave_while_unwinding(self, depth); });
            (f.*enter)();
            BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
            try {
                throw level{-1};
            } catch (const level& mine) {
                (f.*enter)();
                BOOST_TEST(mine.number == -1);
            }
            BOOST_TEST(f.ended());
            BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
        }
}

BOOST_AUTO_TEST_CASE(handlers_of_two_fibers_may_end_in_any_order) {
    const auto body = [](int number) {
        return [number](flow& self) {
            try {
                throw level{number};
            } catch (const level&) {
                self.leave();
                try {
                    throw;  // the runtime's idea of what is being handled
                } catch (const level& mine) {
                    BOOST_TEST(mine.number == number);
                    self.leave();
                }
            }
            self.leave();
        };
    };
    flow a(body(1)), b(body(2)), c(body(3));
    for (flow* f : {&a, &b, &c, /**/ &a, &c, &b, /**/ &b, &a, &c, /**/ &c, &a, &b}) f->enter();
    BOOST_TEST((a.ended() && b.ended() && c.ended()));
}

BOOST_AUTO_TEST_CASE(a_fiber_entered_from_a_destructor_sees_no_exception_of_the_enterer) {
    struct enters {
        ~enters() {
            BOOST_TEST(std::uncaught_exceptions() == 1);
            f.enter();
            BOOST_TEST(std::uncaught_exceptions() == 1);
        }
        flow& f;
    };
    flow f([](flow& self) {
        BOOST_TEST(std::uncaught_exceptions() == 0);
        self.leave();
        BOOST_TEST(std::uncaught_exceptions() == 0);
        BOOST_TEST((std::current_exception() == nullptr));
    });
    for (int i = 0; i != 2; ++i) {
        try {
            const enters guard{f};
            throw level{i};
        } catch (const level& mine) {
            BOOST_TEST(mine.number == i);
        }
    }
    BOOST_TEST(f.ended());
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
