// close, and the destructor.
#define BOOST_TEST_MODULE generator_closing
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

#include "support/child.hpp"
#include "support/reports.hpp"

namespace {

using crocus::generator;
using crocus::test::reports;
using status = crocus::generator_status;

template <class F>
struct finally {
    explicit finally(F f) : call(std::move(f)) {}
    ~finally() { call(); }
    F call;
};

/// Yields 1, and what `on_exit` gives instead of leaving when it is closed.
template <class F>
generator<int, void, int> when_closed(F on_exit) {
    return [on_exit](auto& yield) -> int {
        try {
            yield(1);
        } catch (const crocus::generator_exit&) {
            return on_exit(yield);
        }
        return 0;
    };
}

/// Ignores `times` exits, then leaves.
generator<int> stubborn(int times) {
    return [times](auto& yield) {
        for (int i = 0; i <= times; ++i) {
            try {
                yield(i);
            } catch (const crocus::generator_exit&) {
            }
        }
    };
}

void say(const char* text) {
    if (::write(STDOUT_FILENO, text, std::char_traits<char>::length(text)) < 0) std::abort();
}

}  // namespace

// G37, G45
BOOST_AUTO_TEST_CASE(closing_an_unstarted_generator_runs_nothing_and_frees_the_body) {
    bool ran = false;
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = owned;
    generator<int, void, int> g = [&ran, kept = std::move(owned)](auto&) {
        ran = true;
        return *kept;
    };
    BOOST_TEST(!g.close().has_value());
    BOOST_TEST(!ran);
    BOOST_TEST(watched.expired());
    BOOST_TEST((g.status() == status::closed));
    BOOST_TEST(g.next().finished());
}

// G36, G38
BOOST_AUTO_TEST_CASE(close_raises_generator_exit_at_the_yield_and_returns_nothing_if_it_leaves) {
    std::vector<std::string> trace;
    generator<int, void, int> g = [&](auto& yield) {
        const finally mark([&] { trace.push_back("unwound"); });
        try {
            yield(1);
        } catch (const std::exception&) {
            trace.push_back("caught as an error");
        } catch (const crocus::generator_exit&) {
            trace.push_back("exit");
            throw;
        }
        return 1;
    };
    g.next();
    BOOST_TEST(!g.close().has_value());
    const std::vector<std::string> expected{"exit", "unwound"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
    BOOST_TEST((g.status() == status::closed));
}

// G39
BOOST_AUTO_TEST_CASE(close_gives_what_the_body_returns_after_catching_the_exit) {
    auto g = when_closed([](auto&) { return 42; });
    g.next();
    BOOST_TEST(g.close().value() == 42);
    BOOST_TEST(!g.close().has_value());
}

// G40
BOOST_AUTO_TEST_CASE(closing_a_finished_generator_does_nothing_and_never_repeats_the_value) {
    generator<int, void, int> g = [](auto&) { return 3; };
    BOOST_TEST(g.next().result() == 3);
    BOOST_TEST(!g.close().has_value());
    generator<int, void, int> iterated = [](auto&) { return 3; };
    BOOST_TEST((iterated.begin() == iterated.end()));
    BOOST_TEST(!iterated.close().has_value());
}

// G41
BOOST_AUTO_TEST_CASE(a_body_that_yields_when_closed_stays_suspended_there_and_can_go_on) {
    auto g = when_closed([](auto& yield) {
        yield(7);
        yield(8);
        return 9;
    });
    g.next();
    BOOST_CHECK_THROW(g.close(), crocus::generator_ignored_exit);
    BOOST_TEST((g.status() == status::suspended));
    BOOST_TEST(*g.next() == 8);  // 7 was dropped
    BOOST_TEST(g.next().result() == 9);
}

// G42, G43
BOOST_AUTO_TEST_CASE(what_a_body_throws_instead_of_leaving_comes_out_of_close) {
    auto failing = when_closed([](auto&) -> int { throw std::runtime_error("in the clean-up"); });
    failing.next();
    BOOST_CHECK_THROW(failing.close(), std::runtime_error);
    BOOST_TEST((failing.status() == status::closed));
    auto stopping = when_closed([](auto&) -> int { throw crocus::stop_iteration<int>(1); });
    stopping.next();
    BOOST_CHECK_THROW(stopping.close(), crocus::generator_raised_stop_iteration);
}

// G45, G77
BOOST_AUTO_TEST_CASE(the_end_frees_locals_body_and_stack_at_once) {
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = owned;
    const void* frame = nullptr;
    constexpr std::size_t size = 900 * 1024;
    generator<int> g(
        [&frame, kept = std::move(owned)](auto& yield) {
            frame = __builtin_frame_address(0);
            yield(*kept);
        },
        size);
    g.next();
    g.close();
    BOOST_TEST(watched.expired());
    const crocus::stack again(size);
    BOOST_TEST((frame >= again.bottom() && frame < again.top()));
}

// G46
BOOST_AUTO_TEST_CASE(destroying_a_suspended_generator_closes_it) {
    bool left = false;
    {
        generator<int> g = [&](auto& yield) {
            try {
                yield(1);
            } catch (const crocus::generator_exit&) {
                left = true;
                throw;
            }
        };
        g.next();
    }
    BOOST_TEST(left);
}

BOOST_AUTO_TEST_CASE(what_an_unstarted_body_owns_does_not_take_its_destruction_for_a_failure) {
    struct guard {
        explicit guard(int& exceptions) : seen(&exceptions) {}
        guard(guard&& other) noexcept : seen(std::exchange(other.seen, nullptr)) {}
        ~guard() {
            if (seen != nullptr) *seen = std::uncaught_exceptions();
        }
        int* seen;
    };
    int exceptions = -1;
    { generator<int> g = [owned = guard(exceptions)](auto& yield) { yield(1); }; }
    BOOST_TEST(exceptions == 0);
}

// G46
BOOST_AUTO_TEST_CASE(destroying_an_unstarted_or_finished_generator_runs_nothing) {
    const reports reports;
    int runs = 0;
    {
        const generator<int> g = [&](auto&) { ++runs; };
    }
    BOOST_TEST(runs == 0);
    {
        generator<int> g = [&](auto&) { ++runs; };
        g.next();
    }
    BOOST_TEST(runs == 1);
    BOOST_TEST(reports.texts.empty());
}

// G46; users_ask T13
BOOST_AUTO_TEST_CASE(leaving_a_loop_early_closes_a_temporary_generator_before_the_statement_ends) {
    bool closed = false;
    const auto lines = [&]() -> generator<int> {
        return [&](auto& yield) {
            const finally mark([&] { closed = true; });
            for (int i = 0;; ++i) yield(i);
        };
    };
    for (int i : lines())
        if (i == 2) break;
    BOOST_TEST(closed);
}

// G46
BOOST_AUTO_TEST_CASE(a_generator_destroyed_while_an_exception_unwinds_is_closed_as_usual) {
    int uncaught = -1;
    try {
        generator<int> g = [&](auto& yield) {
            const finally mark([&] { uncaught = std::uncaught_exceptions(); });
            yield(1);
        };
        g.next();
        throw std::runtime_error("outside");
    } catch (const std::runtime_error& e) {
        BOOST_TEST(e.what() == "outside");
    }
    BOOST_TEST(uncaught == 1);  // the body's own, not the one outside
}

// G49
BOOST_AUTO_TEST_CASE(a_body_that_owns_its_generator_lets_go_when_it_is_closed) {
    const auto kept = std::make_shared<int>(1);
    {
        const auto g = std::make_shared<std::optional<generator<int>>>();
        g->emplace([self = g, kept](auto& yield) { yield(*kept); });
        BOOST_TEST(*(*g)->next() == 1);
        BOOST_TEST(g.use_count() == 2);
        (*g)->close();
        BOOST_TEST(g.use_count() == 1);
    }
    BOOST_TEST(kept.use_count() == 1);
    {
        const auto g = std::make_shared<std::optional<generator<int>>>();
        g->emplace([self = std::weak_ptr(g), kept](auto& yield) {
            const bool owned = !self.expired();  // not by lock() in the yield: that would own it while suspended
            yield(owned ? *kept : 0);
        });
        BOOST_TEST(*(*g)->next() == 1);
    }
    BOOST_TEST(kept.use_count() == 1);
}

// G47
BOOST_AUTO_TEST_CASE(what_a_destructor_cannot_throw_goes_to_the_unraisable_hook) {
    const reports reports;
    {
        auto g = when_closed([](auto&) -> int { throw std::runtime_error("in the clean-up"); });
        g.next();
    }
    const std::vector<std::string> expected{"while a generator was destroyed: std::runtime_error: in the clean-up"};
    BOOST_TEST(reports.texts == expected, boost::test_tools::per_element());
}

// G47
BOOST_AUTO_TEST_CASE(a_body_that_ignores_the_exit_for_a_while_is_reported_once_and_ended) {
    const reports reports;
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = owned;
    {
        generator<int> g = [inner = stubborn(5), kept = std::move(owned)](auto& yield) mutable { yield.from(inner); };
        g.next();
    }
    BOOST_TEST(watched.expired());
    BOOST_TEST(reports.texts.size() == 2u);  // the outer's clean-up failed, and the inner one had to be asked again
    {
        auto g = stubborn(5);
        g.next();
    }
    BOOST_TEST(reports.texts.size() == 3u);
    BOOST_TEST(reports.texts.back().find("generator_ignored_exit") != std::string::npos);
}

// G47; users_ask T4
BOOST_AUTO_TEST_CASE(a_body_that_never_leaves_is_reported_once_and_what_it_owns_stays_valid) {
    const reports reports;
    int yields = 0;
    const int* local = nullptr;
    {
        generator<int> g = [&](auto& yield) {
            int value = 12345;
            local = &value;
            for (;;) {
                try {
                    ++yields;
                    yield(value);
                } catch (...) {
                }
            }
        };
        g.next();
    }
    BOOST_TEST(reports.texts.size() == 1u);
    const int runs = yields;
    BOOST_TEST(runs < 100);
    {
        std::vector<generator<int>> others;
        for (int i = 0; i != 50; ++i) {
            others.emplace_back([](auto& yield) { yield(1); });
            others.back().next();
        }
    }
    BOOST_TEST(*local == 12345);  // nobody else was given its stack
    BOOST_TEST(yields == runs);
}

BOOST_AUTO_TEST_CASE(the_hook_may_use_generators) {
    std::vector<int> seen;
    const auto old = crocus::set_unraisable_hook([&](const std::string&, std::exception_ptr) {
        generator<int> g = [](auto& yield) { yield(5); };
        for (int i : g) seen.push_back(i);
    });
    {
        auto g = when_closed([](auto&) -> int { throw 1; });
        g.next();
    }
    crocus::set_unraisable_hook(old);
    BOOST_TEST(seen.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_chain_of_generators_is_closed_from_the_outside_in) {
    std::string trace;
    const auto link = [&](char name, std::optional<generator<int>> source) -> generator<int> {
        return generator<int>([&trace, name, kept = std::move(source)](auto& yield) mutable {
            const finally mark([&] { trace += name; });
            if (!kept) yield(1);
            for (int i : *kept) yield(i);
        });
    };
    {
        auto chain = link('a', link('b', link('c', {})));
        chain.next();
    }
    BOOST_TEST(trace == "abc");
}

BOOST_AUTO_TEST_CASE(a_static_generator_is_closed_after_main) {
    const auto child = crocus::test::in_child([] {
        static generator<int> g = [](auto& yield) {
            const finally mark([] { say("closed\n"); });
            yield(1);
        };
        g.next();
        say("leaving\n");
        std::exit(0);
    });
    BOOST_TEST(child.exited_with(0));
    BOOST_TEST(child.output == "leaving\nclosed\n");
}

BOOST_AUTO_TEST_CASE(a_thread_local_generator_is_closed_when_its_thread_ends) {
    bool closed = false;
    std::thread([&] {
        thread_local generator<int> g = [&](auto& yield) {
            const finally mark([&] { closed = true; });
            yield(1);
        };
        g.next();
    }).join();
    BOOST_TEST(closed);
}
