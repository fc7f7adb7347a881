// A call that has not started: awaited, and handed to create_task. Driven by hand: test/coroutine/.
#define BOOST_TEST_MODULE coroutine
#include <crocus/coroutine.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/child.hpp"
#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

using crocus::coroutine;
using crocus::create_task;
using crocus::test::cancellation_of;
using crocus::test::contains;
using crocus::test::reports;
using crocus::test::run_virtual;
using status = crocus::coroutine_status;
using namespace std::chrono_literals;

// ------------------------------------------------------------------------------------------------------------ awaited

// C1
BOOST_AUTO_TEST_CASE(nothing_of_it_runs_before_it_is_awaited) {
    int runs = 0;
    coroutine<int> c = [&] { return ++runs; };
    BOOST_TEST((c.status() == status::created));
    BOOST_TEST(runs == 0);
    BOOST_TEST(crocus::await(c) == 1);
    BOOST_TEST((c.status() == status::closed));
    BOOST_TEST(runs == 1);
}

// I4
BOOST_AUTO_TEST_CASE(awaiting_one_that_waits_for_nothing_does_not_suspend_and_makes_no_loop) {
    coroutine<int> c = [] { return 1; };
    BOOST_TEST(crocus::await(c) == 1);
    BOOST_TEST((crocus::event_loop::current_if_any() == nullptr));

    run_virtual([] {
        std::string log;
        auto other = create_task([&] { log += "other"; });
        coroutine<> nothing = [&] { log += "awaited "; };
        crocus::await(nothing);
        log += "returned ";
        other.get();
        BOOST_TEST(log == "awaited returned other");
    });
}

// C23
BOOST_AUTO_TEST_CASE(awaiting_runs_it_in_the_task_of_the_caller_and_on_its_stack) {
    run_virtual([] {
        auto t = create_task(
            [] {
                const crocus::any_task self = crocus::current_task();
                const crocus::fiber* const stack = &crocus::fiber::current();
                coroutine<> c = [&] {
                    BOOST_TEST((crocus::current_task() == self));
                    BOOST_TEST((&crocus::fiber::current() == stack));
                    crocus::sleep(1s);
                    BOOST_TEST((crocus::current_task() == self));
                };
                crocus::await(c);
            },
            {.name = "caller"});
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(awaiting_suspends_the_caller_alone_and_gives_what_it_returns) {
    run_virtual([] {
        std::string log;
        auto other = create_task([&] { log += "other "; });
        coroutine<int> c = [] {
            crocus::sleep(1s);
            return 42;
        };
        BOOST_TEST(crocus::await(c) == 42);
        BOOST_TEST(log == "other ");
        other.get();
    });
}

BOOST_AUTO_TEST_CASE(what_it_throws_is_raised_where_it_is_awaited) {
    coroutine<> c = [] { throw std::runtime_error("inside"); };
    BOOST_CHECK_EXCEPTION(crocus::await(c), std::runtime_error,
                          [](const auto& e) { return e.what() == std::string("inside"); });
    BOOST_TEST((c.status() == status::closed));
}

// G54
BOOST_AUTO_TEST_CASE(a_stop_iteration_that_leaves_it_becomes_another_error_which_nests_it) {
    const auto nested_value = [](const crocus::coroutine_raised_stop_iteration& e) {
        try {
            std::rethrow_if_nested(e);
        } catch (const crocus::stop_iteration<int>& original) {
            return original.value() == 7;
        }
        return false;
    };
    coroutine<> awaited = [] { throw crocus::stop_iteration<int>(7); };
    BOOST_CHECK_EXCEPTION(crocus::await(awaited), crocus::coroutine_raised_stop_iteration, nested_value);
    coroutine<> driven = [] { throw crocus::stop_iteration<int>(7); };
    BOOST_CHECK_EXCEPTION(driven.send(), crocus::coroutine_raised_stop_iteration, nested_value);
    BOOST_TEST((driven.status() == status::closed));
}

// C2
BOOST_AUTO_TEST_CASE(one_that_has_ended_cannot_be_awaited_again) {
    coroutine<int> c = [] { return 1; };
    crocus::await(c);
    BOOST_CHECK_EXCEPTION(crocus::await(c), crocus::coroutine_already_awaited,
                          [](const auto& e) { return contains(e.what(), "cannot reuse already awaited coroutine"); });
    coroutine<int> closed = [] { return 1; };
    closed.close();
    BOOST_CHECK_THROW(crocus::await(closed), crocus::coroutine_already_awaited);
    BOOST_CHECK_THROW(static_cast<void>(create_task(closed)), crocus::coroutine_already_awaited);
}

// C3
BOOST_AUTO_TEST_CASE(one_that_is_being_awaited_cannot_be_awaited_as_well) {
    run_virtual([] {
        coroutine<int> c = [] {
            crocus::sleep(1s);
            return 42;
        };
        auto first = create_task([&] { return crocus::await(c); });
        crocus::yield_now();
        BOOST_CHECK_EXCEPTION(crocus::await(c), crocus::coroutine_being_awaited,
                              [](const auto& e) { return contains(e.what(), "coroutine is being awaited already"); });
        BOOST_CHECK_THROW(c.send(), crocus::coroutine_already_executing);
        BOOST_CHECK_THROW(c.close(), crocus::coroutine_already_executing);
        BOOST_CHECK_THROW(static_cast<void>(create_task(c)), crocus::coroutine_being_awaited);
        BOOST_TEST(first.get() == 42);  // unharmed
    });
}

// C3
BOOST_AUTO_TEST_CASE(one_that_was_begun_by_hand_cannot_be_awaited) {
    coroutine<int> c = [] {
        crocus::yield_now();
        return 42;
    };
    c.send();
    BOOST_CHECK_THROW(crocus::await(c), crocus::coroutine_being_awaited);
    BOOST_CHECK_THROW(static_cast<void>(create_task(c)), crocus::coroutine_being_awaited);
    BOOST_TEST(c.send().result() == 42);  // unharmed
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_is_cancelled_inside_what_it_awaits) {  // T15
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            coroutine<> c = [&] { log = cancellation_of([] { crocus::sleep(1h); }); };
            crocus::await(c);
        });
        crocus::yield_now();
        t.cancel("enough");
        t.get();
        BOOST_TEST(log == "enough");
    });
}

BOOST_AUTO_TEST_CASE(results_may_be_references_and_things_that_cannot_be_copied) {
    int target = 0;
    coroutine<int&> reference = [&]() -> int& { return target; };
    crocus::await(reference) = 3;
    BOOST_TEST(target == 3);
    reference = [&]() -> int& { return target; };
    BOOST_TEST(&reference.send().result() == &target);
    coroutine<std::unique_ptr<int>> unique = [p = std::make_unique<int>(4)]() mutable { return std::move(p); };
    BOOST_TEST(*crocus::await(unique) == 4);
    coroutine deduced = [] { return std::string("deduced"); };
    static_assert(std::is_same_v<decltype(deduced), coroutine<std::string>>);
    BOOST_TEST(crocus::await(std::move(deduced)) == "deduced");
}

BOOST_AUTO_TEST_CASE(the_function_is_destroyed_when_it_has_ended_and_not_only_with_the_handle) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = held;
    coroutine<int> c = [h = std::move(held)] { return *h; };
    BOOST_TEST(crocus::await(c) == 1);
    BOOST_TEST(watched.expired());
}

namespace {
/// Has the member that await() calls.
struct hour {
    std::string await() && { return "an hour"; }
    int await() const& { return 60; }
};
}  // namespace

// C4
BOOST_AUTO_TEST_CASE(anything_with_a_member_await_can_be_awaited) {
    const hour h;
    BOOST_TEST(crocus::await(h) == 60);
    BOOST_TEST(crocus::await(hour()) == "an hour");
}

// C15
BOOST_AUTO_TEST_CASE(coroutines_are_coroutines_and_generators_are_none) {
    static_assert(crocus::is_coroutine<coroutine<int>>);
    static_assert(!crocus::is_coroutine<crocus::generator<int>>);
    static_assert(!crocus::is_coroutine<crocus::task<int>>);
    static_assert(!std::is_copy_constructible_v<coroutine<int>>);
}

// --------------------------------------------------------------------------------------------------------- create_task

// T1
BOOST_AUTO_TEST_CASE(a_task_made_of_it_runs_it_with_its_name) {
    run_virtual([] {
        bool ran = false;
        coroutine<int> c{[&] {
                             ran = true;
                             crocus::sleep(1s);
                             return 42;
                         },
                         {.name = "the answer"}};
        auto t = create_task(c);
        BOOST_TEST(!ran);
        BOOST_TEST(t.name() == "the answer");
        BOOST_TEST(t.get() == 42);
        auto renamed = create_task(coroutine<int>{[] { return 1; }, {.name = "one"}}, {.name = "uno"});
        BOOST_TEST(renamed.name() == "uno");
        BOOST_TEST(renamed.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_task_made_of_it_is_reported_with_the_place_where_the_coroutine_was_made) {
    run_virtual([] {
        const auto reported = crocus::test::collect_reports();
        coroutine<> c = [] { throw std::runtime_error("unseen"); };
        const auto line = std::to_string(__LINE__ - 1);
        static_cast<void>(create_task(c));
        crocus::yield_now();
        BOOST_REQUIRE(reported->size() == 1);
        BOOST_TEST(contains(reported->front(), "coroutine.cpp:" + line));
    });
}

// C2
BOOST_AUTO_TEST_CASE(a_task_takes_the_coroutine) {
    run_virtual([] {
        coroutine<int> c = [] { return 1; };
        auto t = create_task(c);
        BOOST_CHECK_THROW(crocus::await(c), crocus::coroutine_already_awaited);
        BOOST_CHECK_THROW(static_cast<void>(create_task(c)), crocus::coroutine_already_awaited);
        BOOST_TEST((c.status() == status::closed));
        BOOST_TEST(t.get() == 1);
    });
}

// C5, T7
BOOST_AUTO_TEST_CASE(one_whose_task_is_cancelled_before_it_began_is_not_reported) {
    const reports reported;
    run_virtual([] {
        auto t = create_task(coroutine<>([] {}));
        t.cancel();
        BOOST_CHECK_THROW(t.get(), crocus::cancelled_error);
    });
    BOOST_TEST(reported.texts.empty());
}

// ------------------------------------------------------------------------------------------------------- never awaited

// C5
BOOST_AUTO_TEST_CASE(one_that_nobody_awaited_is_reported_with_its_name_and_the_place_where_it_was_made) {
    const reports reported;
    const int line = __LINE__ + 2;
    {
        coroutine<int> c{[] { return 1; }, {.name = "forgotten"}};
    }
    BOOST_REQUIRE(reported.texts.size() == 1);
    BOOST_TEST(contains(reported.texts.front(), "coroutine_never_awaited: coroutine 'forgotten' (made at "));
    BOOST_TEST(contains(reported.texts.front(), "coroutine.cpp:" + std::to_string(line) + ") was never awaited"));
}

// C5
BOOST_AUTO_TEST_CASE(only_one_that_nobody_awaited_is_reported) {
    const reports reported;
    {
        coroutine<int> moved_from = [] { return 1; };
        coroutine<int> awaited = std::move(moved_from);
        crocus::await(awaited);
        coroutine<int> closed = [] { return 1; };
        closed.close();
        coroutine<int> thrown_at = [] { return 1; };
        BOOST_CHECK_THROW(thrown_at.throw_(std::runtime_error("x")), std::runtime_error);
        coroutine<> driven = [] {};
        driven.send();
    }
    BOOST_TEST(reported.texts.empty());
}

// C5
BOOST_AUTO_TEST_CASE(one_that_is_forgotten_until_after_main_is_reported_as_well) {
    const auto child = crocus::test::in_child([] {
        static coroutine<> forgotten = [] {};
        static coroutine<> suspended = [] {
            try {
                crocus::yield_now();
            } catch (...) {
                std::fputs("closed\n", stdout);
                throw;
            }
        };
        suspended.send();
        std::exit(0);
    });
    BOOST_TEST(child.exited_with(0));
    BOOST_TEST(contains(child.output, "was never awaited"));
    BOOST_TEST(contains(child.output, "closed\n"));
}
