// Scopes that generators make.
#define BOOST_TEST_MODULE context_manager
#include <crocus/context_manager.hpp>

#include <boost/test/unit_test.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

namespace {

using crocus::context_manager;
using crocus::with;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

struct oops {
    int number;
};

/// Notes in `log` what it sees.
context_manager<int> logged(std::string& log) {
    return [&log](auto& yield) {
        log += "enter ";
        try {
            yield(42);
        } catch (...) {
            log += "error ";
            throw;
        }
        log += "exit ";
    };
}

/// Does nothing about anything.
context_manager<> plain() {
    return [](auto& yield) { yield(); };
}

/// Suppresses an oops.
context_manager<> forgiving() {
    return [](auto& yield) {
        try {
            yield();
        } catch (const oops&) {
        }
    };
}

template <class Error>
std::exception_ptr thrown_by_with(context_manager<>& manager, Error error) {
    const auto thrown = std::make_exception_ptr(error);
    try {
        with(manager, [&] { std::rethrow_exception(thrown); });
        return nullptr;
    } catch (const Error&) {
        BOOST_TEST((std::current_exception() == thrown));
        return std::current_exception();
    }
}

}  // namespace

// G83
BOOST_AUTO_TEST_CASE(what_stands_before_the_yield_enters_the_scope_and_what_stands_after_leaves_it) {
    std::string log;
    auto manager = logged(log);
    BOOST_TEST(log.empty());
    with(manager, [&](int value) { log += std::to_string(value) + ' '; });
    BOOST_TEST(log == "enter 42 exit ");
}

// G83
BOOST_AUTO_TEST_CASE(a_manager_that_does_not_yield_is_an_error_and_the_body_does_not_run) {
    bool ran = false;
    context_manager<> manager = [](auto&) {};
    BOOST_CHECK_EXCEPTION(with(manager, [&] { ran = true; }), crocus::generator_did_not_yield,
                          [](const auto& e) { return std::string(e.what()).find("generator didn't yield") == 0; });
    BOOST_TEST(!ran);
}

// G83
BOOST_AUTO_TEST_CASE(a_manager_that_yields_a_second_time_is_closed_and_that_is_an_error) {
    bool closed = false;
    context_manager<int> manager = [&](auto& yield) {
        yield(1);
        try {
            yield(2);
        } catch (const crocus::generator_exit&) {
            closed = true;
            throw;
        }
    };
    try {
        with(manager, [](int) {});
        BOOST_ERROR("nothing was thrown");
    } catch (const crocus::generator_did_not_stop& e) {
        BOOST_TEST(std::string(e.what()).find("generator didn't stop:") == 0u);
        std::rethrow_if_nested(e);  // nothing is
        BOOST_TEST(closed);
    }
}

BOOST_AUTO_TEST_CASE(what_a_manager_throws_before_or_after_its_yield_comes_out) {
    bool ran = false;
    BOOST_CHECK_THROW(with(context_manager<>([](auto&) { throw oops{1}; }), [&] { ran = true; }), oops);
    BOOST_TEST(!ran);
    const auto at_the_end = [](auto& yield) {
        yield();
        throw oops{2};
    };
    BOOST_CHECK_THROW(with(context_manager<>(at_the_end), [&] { ran = true; }), oops);
    BOOST_TEST(ran);
}

// G84
BOOST_AUTO_TEST_CASE(what_leaves_the_body_is_raised_at_the_yield_and_comes_out_as_the_same_object) {
    std::string log;
    auto manager = logged(log);
    const auto thrown = std::make_exception_ptr(oops{7});
    try {
        with(manager, [&](int) { std::rethrow_exception(thrown); });
        BOOST_ERROR("nothing was thrown");
    } catch (const oops& e) {
        BOOST_TEST((std::current_exception() == thrown));
        BOOST_TEST(e.number == 7);
    }
    BOOST_TEST(log == "enter error ");
    auto indifferent = plain();
    BOOST_TEST((thrown_by_with(indifferent, std::runtime_error("x")) != nullptr));
}

// G84
BOOST_AUTO_TEST_CASE(a_manager_that_returns_has_suppressed_the_exception) {
    bool after = false;
    with(forgiving(), [] { throw oops{1}; });
    after = true;
    BOOST_TEST(after);
    BOOST_CHECK_THROW(with(forgiving(), [] { throw std::runtime_error("x"); }), std::runtime_error);
}

// G84
BOOST_AUTO_TEST_CASE(another_exception_takes_the_place_of_the_bodys_and_may_hold_it) {
    context_manager<> manager = [](auto& yield) {
        try {
            yield();
        } catch (...) {
            std::throw_with_nested(std::runtime_error("replaced"));
        }
    };
    try {
        with(manager, [] { throw oops{3}; });
        BOOST_ERROR("nothing was thrown");
    } catch (const std::runtime_error& e) {
        BOOST_TEST(e.what() == "replaced");
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), oops);
    }
}

// G84
BOOST_AUTO_TEST_CASE(a_manager_that_yields_again_after_an_exception_is_closed_and_that_is_an_error) {
    bool closed = false;
    context_manager<> manager = [&](auto& yield) {
        struct at_exit {
            bool& flag;
            ~at_exit() { flag = true; }
        } const local{closed};
        try {
            yield();
        } catch (const oops&) {
            yield();
        }
    };
    try {
        with(manager, [] { throw oops{4}; });
        BOOST_ERROR("nothing was thrown");
    } catch (const crocus::generator_did_not_stop& e) {
        BOOST_TEST(std::string(e.what()).find("generator didn't stop after throw()") == 0u);
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), oops);
        BOOST_TEST(closed);
    }
}

// G84, G41
BOOST_AUTO_TEST_CASE(a_manager_that_will_not_be_closed_is_another_error) {
    const crocus::test::reports reports;
    const auto stubborn = [](auto& yield) {
        for (int i = 0; i != 3; ++i) try {
                yield();
            } catch (...) {
            }
        throw oops{0};  // at last
    };
    BOOST_CHECK_THROW(with(context_manager<>(stubborn), [] { throw oops{4}; }), crocus::generator_ignored_exit);
}

// G85
BOOST_AUTO_TEST_CASE(a_stop_iteration_of_the_body_comes_out_as_itself) {
    auto first = plain(), second = plain(), third = forgiving();
    BOOST_TEST((thrown_by_with(first, crocus::stop_iteration<int>(5)) != nullptr));
    BOOST_TEST((thrown_by_with(second, crocus::stop_iteration_error()) != nullptr));
    BOOST_TEST((thrown_by_with(third, crocus::stop_iteration<>()) != nullptr));
}

// G85
BOOST_AUTO_TEST_CASE(a_stop_iteration_of_the_managers_own_does_not) {
    const auto exhausted = [](auto& yield) {
        try {
            yield();
        } catch (const oops&) {
        }
        throw crocus::stop_iteration<int>(1);
    };
    BOOST_CHECK_THROW(with(context_manager<>(exhausted), [] {}), crocus::generator_raised_stop_iteration);
    BOOST_CHECK_THROW(with(context_manager<>(exhausted), [] { throw oops{1}; }),
                      crocus::generator_raised_stop_iteration);
    const auto translating = [](auto& yield) {
        try {
            yield();
        } catch (const crocus::stop_iteration_error&) {
            std::throw_with_nested(std::runtime_error("the items ran out"));
        }
    };
    BOOST_CHECK_THROW(with(context_manager<>(translating), [] { throw crocus::stop_iteration<>(); }),
                      std::runtime_error);
}

// G85
BOOST_AUTO_TEST_CASE(the_error_that_a_stop_iteration_becomes_elsewhere_comes_out_as_itself) {
    crocus::generator<int> g = [](auto&) { throw crocus::stop_iteration<int>(1); };
    try {
        with(plain(), [&] { g.next(); });
        BOOST_ERROR("nothing was thrown");
    } catch (const crocus::generator_raised_stop_iteration& e) {
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), crocus::stop_iteration<int>);
    }
}

// ------------------------------------------------------------------------------------------------------------- values

BOOST_AUTO_TEST_CASE(the_value_is_the_one_in_the_manager_itself) {
    std::string seen;
    context_manager<std::string&> manager = [&](auto& yield) {
        std::string text = "made";
        yield(text);
        seen = text;
    };
    with(manager, [](std::string& text) { text += ", changed"; });
    BOOST_TEST(seen == "made, changed");
    context_manager<std::unique_ptr<int>> owned = [](auto& yield) { yield(std::make_unique<int>(5)); };
    const std::unique_ptr<int> taken = with(owned, [](auto& value) { return std::move(value); });
    BOOST_TEST(*taken == 5);
}

BOOST_AUTO_TEST_CASE(a_body_may_do_without_the_value) {
    std::string log;
    with(logged(log), [&] { log += "body "; });
    BOOST_TEST(log == "enter body exit ");
}

BOOST_AUTO_TEST_CASE(with_returns_what_the_body_returns) {
    std::string log;
    int outside = 1;
    BOOST_TEST(with(logged(log), [](int value) { return value + 1; }) == 43);
    int& same = with(plain(), [&]() -> int& { return outside; });
    BOOST_TEST(&same == &outside);
    static_assert(std::is_same_v<int, decltype(with(plain(), [&]() -> int&& { return std::move(outside); }))>);
    static_assert(std::is_void_v<decltype(with(plain(), [] {}))>);
}

BOOST_AUTO_TEST_CASE(where_the_exception_was_suppressed_an_optional_is_empty) {
    const auto body = [](bool fail) {
        return with(forgiving(), [fail]() -> std::optional<int> {
            if (fail) throw oops{1};
            return 1;
        });
    };
    BOOST_TEST(body(false).value() == 1);
    BOOST_TEST(!body(true).has_value());
}

BOOST_AUTO_TEST_CASE(where_the_exception_was_suppressed_and_another_value_is_due_that_is_an_error_which_holds_it) {
    try {
        with(forgiving(), []() -> int { throw oops{8}; });
        BOOST_ERROR("nothing was thrown");
    } catch (const crocus::exception_suppressed& e) {
        BOOST_CHECK_EXCEPTION(std::rethrow_if_nested(e), oops, [](const oops& o) { return o.number == 8; });
    }
}

BOOST_AUTO_TEST_CASE(any_type_that_enters_and_exits_is_a_manager) {
    struct counting {
        int& open;
        std::unique_ptr<int> enter() { return std::make_unique<int>(++open); }
        bool exit(const std::exception_ptr& error) {
            --open;
            return error != nullptr;
        }
    };
    int open = 0;
    counting manager{open};
    with(manager, [&](std::unique_ptr<int>& number) { BOOST_TEST(*number == 1); });
    BOOST_TEST(open == 0);
    with(manager, [&](auto&) { throw oops{1}; });
    BOOST_TEST(open == 0);
    static_assert(!crocus::manages_context<int>);
}

// ------------------------------------------------------------------------------------------------------------- misuse

BOOST_AUTO_TEST_CASE(a_manager_serves_once) {
    std::string log;
    auto manager = logged(log);
    with(manager, [&] { BOOST_CHECK_THROW(manager.enter(), crocus::usage_error); });
    BOOST_TEST(log == "enter exit ");
    BOOST_CHECK_THROW(with(manager, [] {}), crocus::usage_error);
}

BOOST_AUTO_TEST_CASE(one_that_is_destroyed_before_its_exit_is_closed) {
    const crocus::test::reports reports;
    std::string log;
    {
        auto manager = logged(log);
        BOOST_TEST(manager.enter() == 42);
    }
    BOOST_TEST(log == "enter error ");
    { const auto unused = logged(log); }
    BOOST_TEST(log == "enter error ");
    BOOST_TEST(reports.texts.empty());
}

BOOST_AUTO_TEST_CASE(a_stack_that_cannot_be_had_leaves_the_manager_unentered) {
    context_manager<> manager([](auto& yield) { yield(); }, 0);
    for (int i = 0; i != 2; ++i) BOOST_CHECK_THROW(with(manager, [] {}), crocus::usage_error);
    with(context_manager<>([](auto& yield) { yield(); }, 4096), [] {});
}

// ---------------------------------------------------------------------------------------------- waiting and cancelling

// C6
BOOST_AUTO_TEST_CASE(a_manager_and_its_body_may_wait) {
    run_virtual([] {
        std::string log;
        const auto waiting = [&](std::string name) {
            return context_manager<>([&log, name](auto& yield) {
                crocus::sleep(1ms);
                log += '+' + name;
                yield();
                crocus::sleep(2ms);
                log += '-' + name;
            });
        };
        auto a = crocus::create_task([&] { with(waiting("a"), [] { crocus::sleep(5ms); }); });
        auto b = crocus::create_task([&] { with(waiting("b"), [] { crocus::sleep(1ms); }); });
        a.get();
        b.get();
        BOOST_TEST(log == "+a+b-b-a");
    });
}

// T5, G36, C6
BOOST_AUTO_TEST_CASE(a_cancellation_passes_through_a_manager_which_sees_it) {
    run_virtual([] {
        std::string log;
        auto t =
            crocus::create_task([&] { log += cancellation_of([&] { with(logged(log), [] { crocus::sleep(1h); }); }); });
        crocus::yield_now();
        t.cancel("enough");
        t.get();
        BOOST_TEST(log == "enter error enough");
    });
}

// C6
BOOST_AUTO_TEST_CASE(an_exit_that_waits_may_suppress_or_replace_what_left_the_body) {
    run_virtual([] {
        std::string log;
        const auto manager = [&](bool replaces) {
            return context_manager<>([&log, replaces](auto& yield) {
                try {
                    yield();
                } catch (const oops&) {
                    crocus::sleep(1ms);
                    log += "seen ";
                    if (replaces) std::throw_with_nested(std::runtime_error("instead"));
                }
            });
        };
        with(manager(false), [] { throw oops(); });
        try {
            with(manager(true), [] { throw oops(); });
            BOOST_ERROR("nothing was thrown");
        } catch (const std::runtime_error& e) {
            BOOST_TEST(e.what() == std::string("instead"));
            BOOST_CHECK_THROW(std::rethrow_if_nested(e), oops);
        }
        BOOST_TEST(log == "seen seen ");
    });
}

// C6, T10
BOOST_AUTO_TEST_CASE(a_manager_may_swallow_a_cancellation_and_wait_before_it_does) {
    run_virtual([] {
        std::string log;
        auto t = crocus::create_task([&] {
            context_manager<> manager = [&](auto& yield) {
                log += cancellation_of([&] { yield(); });
                crocus::sleep(1ms);
            };
            with(manager, [] { crocus::sleep(1h); });
            log += " and on";
            return crocus::current_task().cancelling();
        });
        crocus::yield_now();
        t.cancel("enough");
        BOOST_TEST(t.get() == 1);
        BOOST_TEST(log == "enough and on");
    });
}

// C6
BOOST_AUTO_TEST_CASE(a_manager_can_be_cancelled_where_it_waits) {
    run_virtual([] {
        std::string log;
        auto t = crocus::create_task([&] {
            context_manager<> manager = [&](auto& yield) {
                yield();
                log += cancellation_of([] { crocus::sleep(1h); });
                crocus::sleep(1h);
            };
            with(manager, [] {});
        });
        crocus::yield_now();
        t.cancel("first ");
        crocus::yield_now();
        t.cancel("second");
        log += cancellation_of([&] { t.get(); });
        BOOST_TEST(log == "first second");
    });
}

// G38
BOOST_AUTO_TEST_CASE(a_scope_may_lie_in_a_generator_that_yields_out_of_it_and_is_closed) {
    std::string log;
    {
        crocus::generator<int> g = [&](auto& yield) { with(logged(log), [&](int value) { yield(value); }); };
        BOOST_TEST(*g.next() == 42);
        BOOST_TEST(log == "enter ");
    }
    BOOST_TEST(log == "enter error ");
}
