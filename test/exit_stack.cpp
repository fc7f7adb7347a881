// What is to be done at the end of a scope. Names in brackets are CPython's tests.
#define BOOST_TEST_MODULE exit_stack
#include <crocus/exit_stack.hpp>

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
using crocus::exit_stack;
using crocus::with_exit_stack;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

struct oops {
    explicit oops(int n) : number(n) {}
    virtual ~oops() = default;
    int number;
};

context_manager<int> logged(std::string& log, int number) {
    return [&log, number](auto& yield) {
        log += '+' + std::to_string(number);
        try {
            yield(number);
        } catch (...) {
            log += '!';
        }
        log += '-' + std::to_string(number);
    };
}

/// The numbers of an oops and of those nested in it.
std::string chain_of(const std::exception_ptr& error) {
    try {
        if (error) std::rethrow_exception(error);
        return "none";
    } catch (const oops& e) {
        const auto* const nested = dynamic_cast<const std::nested_exception*>(&e);
        return std::to_string(e.number) + (nested != nullptr ? '<' + chain_of(nested->nested_ptr()) : "");
    }
}

template <class F>
std::exception_ptr leaves(F f) {
    try {
        f();
        return nullptr;
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace

// G86 (test_callback, test_push)
BOOST_AUTO_TEST_CASE(the_last_to_be_pushed_runs_first) {
    std::string log;
    with_exit_stack([&](exit_stack& scope) {
        scope.callback([&] { log += "1 "; });
        scope.push([&](const std::exception_ptr& error) {
            log += error ? "error " : "2 ";
            return false;
        });
        BOOST_TEST(scope.enter_context(logged(log, 3)) == 3);
        log += " body ";
    });
    BOOST_TEST(log == "+3 body -32 1 ");
}

// G86 (test_exit_suppress)
BOOST_AUTO_TEST_CASE(one_that_returns_true_suppresses_the_exception_for_those_below_it) {
    std::string log;
    with_exit_stack([&](exit_stack& scope) {
        const auto note = [&](const std::exception_ptr& error) {
            log += error ? "error " : "none ";
            return false;
        };
        scope.push(note);
        scope.push([](const std::exception_ptr&) { return true; });
        scope.push(note);
        throw oops{1};
    });
    BOOST_TEST(log == "error none ");
}

// G86
BOOST_AUTO_TEST_CASE(a_callback_does_not_suppress) {
    bool called = false;
    BOOST_CHECK_THROW(with_exit_stack([&](exit_stack& scope) {
                          scope.callback([&] { return called = true; });
                          throw oops{1};
                      }),
                      oops);
    BOOST_TEST(called);
}

// G86
BOOST_AUTO_TEST_CASE(what_nobody_deals_with_comes_out_as_the_same_object) {
    const auto thrown = std::make_exception_ptr(oops{1});
    const auto left = leaves([&] {
        with_exit_stack([&](exit_stack& scope) {
            scope.callback([] {});
            scope.push([](std::exception_ptr error) -> bool { std::rethrow_exception(error); });
            std::rethrow_exception(thrown);
        });
    });
    BOOST_TEST((left == thrown));
}

// G86 (test_exit_exception_chaining, test_exit_exception_chaining_reference)
BOOST_AUTO_TEST_CASE(what_one_throws_takes_the_place_of_what_was_on_its_way_and_may_hold_it) {
    const auto replacing = [](int number) {
        return [number] {
            if (std::current_exception()) std::throw_with_nested(oops(number));
            throw oops(number);
        };
    };
    const auto left = leaves([&] {
        with_exit_stack([&](exit_stack& scope) {
            scope.callback(replacing(4));
            scope.callback(replacing(3));
            scope.callback([] {});
            scope.callback(replacing(2));
            throw oops(1);
        });
    });
    BOOST_TEST(chain_of(left) == "4<3<2<1");
    const auto from_the_end = leaves([&] {
        with_exit_stack([&](exit_stack& scope) {
            scope.callback(replacing(2));
            scope.callback(replacing(1));
        });
    });
    BOOST_TEST(chain_of(from_the_end) == "2<1");
}

// G86 (test_exit_exception_chaining_suppress, test_exit_exception_non_suppressing)
BOOST_AUTO_TEST_CASE(what_one_throws_may_be_suppressed_by_one_below_it_and_thrown_anew_after_that) {
    const auto suppress = [](const std::exception_ptr& error) { return error != nullptr; };
    const auto fail = [](int number) { return [number] { throw oops{number}; }; };
    with_exit_stack([&](exit_stack& scope) {
        scope.push(suppress);
        scope.callback(fail(2));
        throw oops{1};
    });
    with_exit_stack([&](exit_stack& scope) {
        scope.push(suppress);
        scope.callback(fail(1));
    });
    const auto left = leaves([&] {
        with_exit_stack([&](exit_stack& scope) {
            scope.callback(fail(3));
            scope.push(suppress);
            throw oops{1};
        });
    });
    BOOST_TEST(chain_of(left) == "3");
}

// G86 (test_enter_context)
BOOST_AUTO_TEST_CASE(a_manager_is_kept_or_referred_to_and_sees_what_is_on_its_way) {
    std::string log;
    auto outside = logged(log, 1);
    with_exit_stack([&](exit_stack& scope) {
        int& value = scope.enter_context(outside);
        BOOST_TEST(value == 1);
        BOOST_TEST(scope.enter_context(logged(log, 2)) == 2);
        scope.enter_context(context_manager<>([](auto& yield) { yield(); }));
        throw oops{1};
    });
    BOOST_TEST(log == "+1+2!-2-1");  // 2 suppressed it
}

// G86
BOOST_AUTO_TEST_CASE(a_manager_that_cannot_be_entered_is_not_exited) {
    std::string log;
    BOOST_CHECK_THROW(with_exit_stack([&](exit_stack& scope) {
                          scope.callback([&] { log += "callback"; });
                          scope.enter_context(context_manager<>([](auto&) {}));
                      }),
                      crocus::generator_did_not_yield);
    BOOST_TEST(log == "callback");
}

// G86 (test_pop_all)
BOOST_AUTO_TEST_CASE(what_was_popped_happens_at_the_end_of_the_other_stack) {
    std::string log;
    exit_stack kept;
    with_exit_stack([&](exit_stack& scope) {
        scope.enter_context(logged(log, 1));
        scope.callback([&] { log += " callback "; });
        kept = scope.pop_all();
        log += " end";
    });
    BOOST_TEST(log == "+1 end");
    crocus::with(std::move(kept), [&] { log += " other"; });
    BOOST_TEST(log == "+1 end other callback -1");
}

// G86 (test_close, test_instance_bypass)
BOOST_AUTO_TEST_CASE(close_does_everything_now_and_once) {
    std::string log;
    exit_stack scope;
    scope.enter_context(logged(log, 1));
    scope.close();
    BOOST_TEST(log == "+1-1");
    scope.close();
    scope.callback([&] { throw oops{int(log.size())}; });
    BOOST_CHECK_THROW(scope.close(), oops);
    BOOST_TEST(log == "+1-1");
}

// G86
BOOST_AUTO_TEST_CASE(what_runs_at_the_end_may_put_more_there) {
    std::string log;
    with_exit_stack([&](exit_stack& scope) {
        scope.callback([&] { log += "last"; });
        scope.callback([&] {
            log += "first ";
            scope.callback([&] { log += "second "; });
        });
    });
    BOOST_TEST(log == "first second last");
}

// G86 (test_excessive_nesting)
BOOST_AUTO_TEST_CASE(a_stack_may_be_high) {
    int count = 0;
    const auto left = leaves([&] {
        with_exit_stack([&](exit_stack& scope) {
            for (int i = 0; i != 100'000; ++i) scope.callback([&count] { ++count; });
            throw oops{1};
        });
    });
    BOOST_TEST(count == 100'000);
    BOOST_TEST(chain_of(left) == "1");
}

// G86
BOOST_AUTO_TEST_CASE(functions_and_managers_need_not_be_copyable_and_go_when_they_have_run) {
    auto owned = std::make_shared<int>(1);
    with_exit_stack([&](exit_stack& scope) {
        scope.callback([&] { BOOST_TEST(owned.use_count() == 1); });
        scope.callback([copy = owned, unique = std::make_unique<int>(2)] { BOOST_TEST(*unique == 2); });
        BOOST_TEST(owned.use_count() == 2);
    });
}

// G86
BOOST_AUTO_TEST_CASE(with_exit_stack_returns_what_its_body_returns) {
    int outside = 1;
    int& same = with_exit_stack([&](exit_stack&) -> int& { return outside; });
    BOOST_TEST(&same == &outside);
    const auto suppressed = with_exit_stack([](exit_stack& scope) -> std::optional<int> {
        scope.push([](const std::exception_ptr&) { return true; });
        throw oops{1};
    });
    BOOST_TEST(!suppressed.has_value());
}

// --------------------------------------------------------------------------------------------------------- destructors

// G86
BOOST_AUTO_TEST_CASE(a_stack_that_is_destroyed_or_assigned_to_does_what_is_on_it_and_reports_what_that_throws) {
    const crocus::test::reports reports;
    std::string log;
    {
        exit_stack scope;
        scope.callback([&] { log += "first"; });
        scope.callback([] { throw std::runtime_error("on the way"); });
        BOOST_TEST(log.empty());
    }
    BOOST_TEST(log == "first");
    BOOST_REQUIRE(reports.texts.size() == 1u);
    BOOST_TEST(reports.texts[0] == "while an exit_stack was destroyed: std::runtime_error: on the way");
    exit_stack assigned;
    assigned.callback([&] { log += " second"; });
    assigned = exit_stack();
    BOOST_TEST(log == "first second");
}

// G86
BOOST_AUTO_TEST_CASE(a_destructor_holds_cancellation) {
    run_virtual([] {
        std::string log;
        auto t = crocus::create_task([&] {
            {
                exit_stack scope;
                scope.callback([&] {
                    crocus::sleep(2ms);
                    crocus::generator<int> waiting = [](auto& yield) {
                        crocus::sleep(2ms);
                        yield(1);
                    };
                    waiting.next();
                    log += "done, then ";
                });
            }
            log += cancellation_of([] { crocus::sleep(1h); });
        });
        crocus::sleep(1ms);
        t.cancel("the request");
        t.get();
        BOOST_TEST(log == "done, then the request");
    });
}

// ---------------------------------------------------------------------------------------------- waiting and cancelling

// G86 (AsyncExitStack: test_async_callback, test_async_push)
BOOST_AUTO_TEST_CASE(what_is_on_the_stack_may_wait) {
    run_virtual([] {
        std::string log;
        const auto scope_of = [&](char name) {
            with_exit_stack([&, name](exit_stack& scope) {
                scope.callback([&, name] {
                    crocus::sleep(2ms);
                    log += name;
                });
                scope.push([&, name](const std::exception_ptr& error) {
                    crocus::sleep(1ms);
                    log += name;
                    return error != nullptr;
                });
                throw oops{1};
            });
        };
        auto a = crocus::create_task([&] { scope_of('a'); });
        auto b = crocus::create_task([&] { scope_of('b'); });
        a.get();
        b.get();
        BOOST_TEST(log == "abab");
    });
}

// G86
BOOST_AUTO_TEST_CASE(a_cancellation_in_the_body_or_at_the_end_goes_its_way_and_the_rest_is_done) {
    run_virtual([] {
        std::string log;
        auto t = crocus::create_task([&] {
            with_exit_stack([&](exit_stack& scope) {
                scope.callback([&] { log += "last, "; });
                scope.callback([&] { log += cancellation_of([] { crocus::sleep(1h); }) + ", "; });
                crocus::sleep(1h);
            });
        });
        crocus::yield_now();
        t.cancel("first");
        crocus::yield_now();
        t.cancel("second");
        log += cancellation_of([&] { t.get(); });
        BOOST_TEST(log == "second, last, first");
    });
}
