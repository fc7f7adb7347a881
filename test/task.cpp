#define BOOST_TEST_MODULE task
#include <crocus/task.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/generator.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/page.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::future;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t many = 2'000;  // sanitizers have room for few stacks
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t many = 2'000;
#else
constexpr std::size_t many = 10'000;
#endif
#else
constexpr std::size_t many = 10'000;
#endif

}  // namespace

// ---------------------------------------------------------------------------------------------------------- the basics

BOOST_AUTO_TEST_CASE(what_a_task_captures_and_returns_may_be_over_aligned) {
    using crocus::test::page;
    run_virtual([] {
        for (int i = 0; i != 4; ++i) {
            auto t = create_task([captured = page()] {
                BOOST_TEST(captured.aligned());
                return captured;
            });
            BOOST_TEST(t.get().aligned());
        }
    });
}

BOOST_AUTO_TEST_CASE(a_task_starts_after_all_that_is_ready_and_not_inside_create_task) {  // T1
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            log += "ran";
            return 5;
        });
        BOOST_TEST(log.empty());
        BOOST_TEST(!t.done());
        BOOST_TEST(t.get() == 5);
        BOOST_TEST(t.done());
        BOOST_TEST(t.result() == 5);
        BOOST_TEST(log == "ran");
    });
}

BOOST_AUTO_TEST_CASE(an_exception_that_leaves_a_task_is_raised_where_it_is_awaited) {
    run_virtual([] {
        auto t = create_task([]() -> int { throw std::runtime_error("inside"); });
        BOOST_CHECK_EXCEPTION(t.get(), std::runtime_error,
                              [](const auto& e) { return e.what() == std::string("inside"); });
        BOOST_TEST(!t.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(a_stop_iteration_that_leaves_a_task_arrives_as_another_error) {  // F5
    run_virtual([] {
        auto t = create_task([] { throw crocus::stop_iteration<int>(1); });
        BOOST_CHECK_THROW(t.get(), crocus::generator_raised_stop_iteration);
    });
}

BOOST_AUTO_TEST_CASE(tasks_return_nothing_references_and_things_that_cannot_be_copied) {
    run_virtual([] {
        int target = 0;
        create_task([] {}).get();
        create_task([&]() -> int& { return target; }).get() = 3;
        BOOST_TEST(target == 3);
        BOOST_TEST(*create_task([] { return std::make_unique<int>(4); }).get() == 4);
        BOOST_TEST(*create_task([p = std::make_unique<int>(5)]() mutable { return std::move(p); }).get() == 5);
        std::string text = "moved";
        BOOST_TEST(create_task([&]() -> std::string&& { return std::move(text); }).get() == "moved");
    });
}

BOOST_AUTO_TEST_CASE(a_task_of_nobody_runs_to_its_end) {  // I7
    run_virtual([] {
        bool ended = false;
        static_cast<void>(create_task([&] {
            crocus::sleep(1ms);
            ended = true;
        }));
        crocus::sleep(2ms);
        BOOST_TEST(ended);
    });
}

BOOST_AUTO_TEST_CASE(the_failure_of_a_task_that_nobody_awaits_is_reported_with_its_name_and_place) {  // F10
    run_virtual([] {
        const auto reports = collect_reports();
        static_cast<void>(create_task([] { throw std::runtime_error("unseen"); }, {.name = "worker"}));
        static_cast<void>(create_task([] { throw crocus::cancelled_error(); }));
        crocus::yield_now();
        BOOST_REQUIRE(reports->size() == 1U);
        BOOST_TEST(contains(reports->front(), "task 'worker'"));
        BOOST_TEST(contains(reports->front(), "task.cpp:"));
        BOOST_TEST(contains(reports->front(), "never retrieved"));
        BOOST_TEST(contains(reports->front(), "unseen"));
    });
}

BOOST_AUTO_TEST_CASE(the_outcome_of_a_task_is_its_functions_to_set) {  // T16
    run_virtual([] {
        auto t = create_task([] { return 1; });
        BOOST_CHECK_THROW(t.set_result(2), crocus::invalid_state_error);
        BOOST_CHECK_THROW(t.set_exception(std::make_exception_ptr(1)), crocus::invalid_state_error);
        BOOST_TEST(t.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_task_cannot_await_itself) {  // T3
    run_virtual([] {
        crocus::task<void>* self = nullptr;
        auto t = create_task([&] { BOOST_CHECK_THROW(self->get(), crocus::usage_error); });
        self = &t;
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(tasks_have_names) {  // T18
    run_virtual([] {
        auto a = create_task([] { return crocus::current_task().name(); });
        auto b = create_task([] { return crocus::current_task().name(); }, {.name = "mine"});
        BOOST_TEST(a.name().starts_with("Task-"));
        BOOST_TEST(a.name() != create_task([] {}).name());
        BOOST_TEST(a.get() == a.name());
        BOOST_TEST(b.get() == "mine");
        b.set_name("other");
        BOOST_TEST(b.name() == "other");
    });
}

BOOST_AUTO_TEST_CASE(a_task_has_the_stack_it_was_given) {
    run_virtual([] {
        const auto use = [] {
            volatile char big[4 << 20];
            for (std::size_t i = 0; i < sizeof big; i += 4096) big[i] = 1;
            return big[4096] == 1;
        };
        BOOST_TEST(create_task(use, {.stack_size = 8 << 20}).get());
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_can_have_no_stack_fails_and_the_others_go_on) {
    run_virtual([] {
        bool other_ran = false;
        const auto held = std::make_shared<int>(0);
        auto t = create_task([held] {}, {.stack_size = std::size_t{1} << 40});
        static_cast<void>(create_task([held] {}, {.stack_size = std::size_t{1} << 40}));
        auto other = create_task([&] { other_ran = true; });
        const auto reports = collect_reports();
        BOOST_CHECK_THROW(t.get(), crocus::usage_error);
        other.get();
        BOOST_TEST(other_ran);
        BOOST_TEST(held.use_count() == 1);
        BOOST_TEST(reports->size() == 1U);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(the_current_task_is_known_and_so_are_all) {  // T21
    run_virtual([] {
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST((crocus::current_task() == crocus::current_task()));
        auto a = create_task([] {
            const auto me = crocus::current_task();
            crocus::sleep(2ms);
            return me == crocus::current_task();
        });
        auto b = create_task([] { crocus::sleep(1ms); });
        const auto all = crocus::all_tasks();
        BOOST_REQUIRE(all.size() == 2U);
        BOOST_TEST((all[0] == crocus::any_task(a)));
        BOOST_TEST((all[1] == crocus::any_task(b)));
        b.get();
        BOOST_TEST(crocus::all_tasks().size() == 1U);
        BOOST_TEST(a.get());
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(!(crocus::current_task() == all[0]));
        BOOST_TEST(all[0].done());
    });
}

BOOST_AUTO_TEST_CASE(ten_thousand_tasks_wait_at_once) {
    run_virtual([] {
        std::size_t sum = 0;
        std::vector<crocus::task<std::size_t>> tasks;
        for (std::size_t i = 0; i != many; ++i)
            tasks.push_back(create_task([i] {
                crocus::sleep(1s);
                return i;
            }));
        for (auto& t : tasks) sum += t.get();
        BOOST_TEST(sum == many * (many - 1) / 2);
    });
}

BOOST_AUTO_TEST_CASE(a_tree_of_tasks_adds_up) {
    run_virtual([] {
        struct leaf_counter {
            int depth;
            int operator()() const {
                if (depth == 0) return 1;
                auto left = create_task(leaf_counter{depth - 1});
                auto right = create_task(leaf_counter{depth - 1});
                return left.get() + right.get();
            }
        };
        BOOST_TEST(create_task(leaf_counter{8}).get() == 256);
    });
}

// ------------------------------------------------------------------------------------------- the callable and the
// result

namespace {

/// Tells when it is destroyed, and suspends before it does.
struct lingering {
    std::string& log;
    std::string text;
    explicit lingering(std::string& l, std::string t = "destroyed ") : log(l), text(std::move(t)) {}
    lingering(lingering&& other) noexcept : log(other.log), text(std::exchange(other.text, {})) {}
    ~lingering() {
        if (text.empty()) return;
        crocus::sleep(1ms);
        log += text + "in " + crocus::current_task().name() + ' ';
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_callable_is_destroyed_in_its_task_before_anybody_learns_of_the_end) {
    run_virtual([] {
        std::string log;
        auto t = create_task([l = lingering(log)] { return 1; }, {.name = "t"});
        auto failing = create_task([l = lingering(log)] { throw std::runtime_error("x"); }, {.name = "failing"});
        t.add_done_callback([&](auto) { log += "callback "; });
        crocus::yield_now();
        BOOST_TEST(!t.done());
        t.get();
        BOOST_TEST(log == "destroyed in t destroyed in failing callback ");
        BOOST_CHECK_THROW(failing.get(), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(the_callable_of_a_task_that_never_started_is_destroyed_in_its_task_too) {  // T7
    run_virtual([] {
        std::string log;
        auto t = create_task([l = lingering(log)] { BOOST_ERROR("the function ran"); }, {.name = "t"});
        t.cancel("early");
        auto other = create_task([&] { log += "other "; });
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "early");
        BOOST_TEST(log == "other destroyed in t ");
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_meets_the_callables_destructor_is_held_and_ends_the_task) {
    run_virtual([] {
        std::string log;
        auto t = create_task([l = lingering(log)] { return 1; }, {.name = "t"});
        auto cancelled_twice = create_task([l = lingering(log)] { crocus::sleep(1h); }, {.name = "twice"});
        crocus::yield_now();  // t's function has ended, its destructor sleeps
        BOOST_TEST(t.cancel("late"));
        cancelled_twice.cancel("once");
        crocus::yield_now();
        cancelled_twice.cancel("twice");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "late");
        BOOST_TEST(cancellation_of([&] { cancelled_twice.get(); }) == "once");
        BOOST_TEST(log == "destroyed in t destroyed in twice ");
    });
}

BOOST_AUTO_TEST_CASE(a_result_that_nobody_wants_is_destroyed_in_its_task) {
    run_virtual([] {
        std::string log;
        static_cast<void>(create_task([&] { return lingering(log); }, {.name = "t"}));
        crocus::sleep(2ms);
        BOOST_TEST(log == "destroyed in t ");
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

// -------------------------------------------------------------------------------------------------------- exception
// state

BOOST_AUTO_TEST_CASE(tasks_that_suspend_while_they_handle_exceptions_keep_them_apart) {  // users' T4
    run_virtual([] {
        std::string log;
        const auto handle = [&](const std::string& name, auto pause) {
            try {
                throw std::runtime_error(name);
            } catch (const std::runtime_error& e) {
                pause();
                try {
                    throw std::logic_error(name + "'s second");
                } catch (const std::logic_error& inner) {
                    pause();
                    log += std::string(inner.what()) + ", ";
                }
                pause();
                try {
                    throw;
                } catch (const std::exception& again) {
                    log += std::string(e.what()) + "=" + again.what() + ", ";
                }
            }
            BOOST_TEST((std::current_exception() == nullptr));
        };
        auto a = create_task([&] { handle("a", [] { crocus::yield_now(); }); });
        auto b = create_task([&] { handle("b", [] { crocus::sleep(1ms); }); });
        handle("main", [] { crocus::yield_now(); });
        a.get();
        b.get();
        BOOST_TEST(log == "main's second, a's second, main=main, a=a, b's second, b=b, ");
    });
}

BOOST_AUTO_TEST_CASE(a_task_made_and_run_while_another_unwinds_sees_no_exception) {  // users' T4
    run_virtual([] {
        int uncaught = -1;
        struct spawns {
            int& uncaught;
            ~spawns() {
                create_task([this] { uncaught = std::uncaught_exceptions(); }).get();
                BOOST_TEST(std::uncaught_exceptions() == 1);
            }
        };
        try {
            const spawns s{uncaught};
            throw std::runtime_error("unwinding");
        } catch (const std::runtime_error& e) {
            BOOST_TEST(e.what() == std::string("unwinding"));
        }
        BOOST_TEST(uncaught == 0);
    });
}

// ----------------------------------------------------------------------------------------------------------
// cancellation

BOOST_AUTO_TEST_CASE(cancel_raises_where_the_task_waits) {  // T5, T14
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error& e) {
                log += e.message();
                throw;
            }
        });
        crocus::yield_now();
        BOOST_TEST(t.cancel("the message"));
        BOOST_TEST(log.empty());  // delivered in the task, not here
        BOOST_TEST(!t.done());
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "the message");
        BOOST_TEST(log == "the message");
        BOOST_TEST(t.cancelled());
        BOOST_TEST(!t.cancel());
    });
}

BOOST_AUTO_TEST_CASE(every_request_to_cancel_is_counted_until_the_task_has_ended) {  // T5, T12
    run_virtual([] {
        auto t = create_task([] {
            cancellation_of([] { crocus::sleep(1h); });
            crocus::sleep(1ms);
            return 1;
        });
        BOOST_TEST(t.cancelling() == 0);
        crocus::yield_now();
        BOOST_TEST(t.cancel());
        BOOST_TEST(t.cancelling() == 1);
        crocus::yield_now();
        BOOST_TEST(t.cancelling() == 1);  // swallowed, but not taken back
        BOOST_TEST(t.uncancel() == 0);
        BOOST_TEST(t.uncancel() == 0);
        BOOST_TEST(t.get() == 1);
        BOOST_TEST(!t.cancel());
        BOOST_TEST(t.cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_task_cancelled_before_its_first_step_never_runs) {  // T7
    run_virtual([] {
        const auto held = std::make_shared<int>(0);
        auto t = create_task([held] { ++*held; });
        BOOST_TEST(t.cancel("early"));
        BOOST_TEST(!t.done());
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "early");
        BOOST_TEST(t.cancelled());
        BOOST_TEST(*held == 0);
        BOOST_TEST(held.use_count() == 1);
        BOOST_TEST(crocus::all_tasks().empty());
        // and one that nobody holds
        static_cast<void>(create_task([held] { ++*held; }));
        crocus::all_tasks().front().cancel();
        crocus::yield_now();
        BOOST_TEST(held.use_count() == 1);
        BOOST_TEST(*held == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_cancels_itself_is_cancelled_at_its_next_wait) {  // T8
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            crocus::current_task().cancel("self");
            log += "on ";
            log += cancellation_of([] { crocus::sleep(1h); });
        });
        t.get();
        BOOST_TEST(log == "on self");
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_was_cancelled_forwards_that_to_what_it_awaits_next) {  // T8
    run_virtual([] {
        auto nested = create_task([] { crocus::sleep(1h); });
        auto t = create_task([&] {
            crocus::current_task().cancel("self");
            nested.get();
        });
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "self");
        BOOST_TEST(nested.cancelled());
        future<int> f;
        auto u = create_task([&] {
            crocus::current_task().cancel("self");
            f.get();
        });
        BOOST_TEST(cancellation_of([&] { u.get(); }) == "self");
        BOOST_TEST(f.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_was_cancelled_and_returns_without_waiting_ends_cancelled) {  // T9
    run_virtual([] {
        const auto held = std::make_shared<int>(1);
        auto t = create_task([held] {
            crocus::current_task().cancel("too late");
            return held;
        });
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "too late");
        BOOST_TEST(held.use_count() == 1);  // the result was dropped
        auto failing = create_task([] {
            crocus::current_task().cancel();
            throw std::runtime_error("first");
        });
        BOOST_CHECK_THROW(failing.get(), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_swallowed_cancellation_comes_once) {  // T10
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            log += cancellation_of([] { crocus::sleep(1h); });
            log += ' ' + cancellation_of([] { crocus::sleep(1ms); });
            return 3;
        });
        crocus::yield_now();
        t.cancel("once");
        BOOST_TEST(t.get() == 3);
        BOOST_TEST(log == "once none");
        BOOST_TEST(!t.cancelled());
        BOOST_TEST(t.cancelling() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_lets_any_cancellation_out_is_cancelled) {  // T11
    run_virtual([] {
        auto t = create_task([] { throw crocus::cancelled_error("of its own"); });
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "of its own");
        BOOST_TEST(t.cancelled());
        BOOST_TEST(t.cancelling() == 0);
        auto other_error = create_task([] {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {
                throw std::runtime_error("instead");
            }
        });
        crocus::yield_now();
        other_error.cancel();
        BOOST_CHECK_THROW(other_error.get(), std::runtime_error);
        BOOST_TEST(!other_error.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(uncancel_takes_back_a_request_that_was_not_delivered) {  // T12
    run_virtual([] {
        auto t = create_task([] {
            auto me = crocus::current_task();
            me.cancel("one");
            me.cancel("two");
            BOOST_TEST(me.uncancel() == 1);
            BOOST_TEST(cancellation_of([] { crocus::yield_now(); }) == "two");
            me.cancel("three");
            BOOST_TEST(me.uncancel() == 1);
            BOOST_TEST(me.uncancel() == 0);
            return cancellation_of([] { crocus::sleep(1ms); });
        });
        BOOST_TEST(t.get() == "none");
    });
}

BOOST_AUTO_TEST_CASE(awaiting_a_cancelled_task_raises_without_cancelling_the_awaiter) {  // T13
    run_virtual([] {
        auto inner = create_task([] { crocus::sleep(1h); });
        auto outer = create_task([&] {
            const auto message = cancellation_of([&] { inner.get(); });
            BOOST_TEST(crocus::current_task().cancelling() == 0);
            return message;
        });
        crocus::yield_now();
        inner.cancel("inner only");
        BOOST_TEST(outer.get() == "inner only");
    });
}

BOOST_AUTO_TEST_CASE(cancelling_a_task_cancels_what_it_awaits_down_to_the_last_future) {  // T5, T14, T15
    run_virtual([] {
        future<int> leaf;
        auto inner = create_task([&] { return leaf.get(); });
        auto middle = create_task([&] { return inner.get(); });
        auto outer = create_task([&] { return middle.get(); });
        crocus::yield_now();
        BOOST_TEST(outer.cancel("all the way"));
        BOOST_TEST(leaf.cancelled());
        BOOST_TEST(cancellation_of([&] { outer.get(); }) == "all the way");
        BOOST_TEST(inner.cancelled());
        BOOST_TEST(middle.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_awaiter_waits_for_the_awaited_task_and_takes_what_it_returns) {  // T5
    run_virtual([] {
        auto inner = create_task([] {
            cancellation_of([] { crocus::sleep(1h); });
            crocus::sleep(5ms);
            return 6;
        });
        auto outer = create_task([&] { return inner.get(); });
        crocus::yield_now();
        outer.cancel();
        BOOST_TEST(outer.get() == 6);
        BOOST_TEST(!outer.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(cancelling_one_of_two_awaiters_cancels_the_future_of_both) {  // T5, F11
    run_virtual([] {
        future<int> f;
        auto a = create_task([&] { f.get(); });
        auto b = create_task([&] { f.get(); });
        crocus::yield_now();
        a.cancel("shared");
        BOOST_TEST(cancellation_of([&] { a.get(); }) == "shared");
        BOOST_TEST(cancellation_of([&] { b.get(); }) == "shared");
        BOOST_TEST(b.cancelling() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_held_awaiter_does_not_forward_and_is_cancelled_afterwards) {
    run_virtual([] {
        future<int> f;
        auto t = create_task([&] {
            const int result = crocus::defer_cancellation([&] { return f.get(); });
            return std::to_string(result) + ' ' + cancellation_of([] { crocus::yield_now(); });
        });
        crocus::yield_now();
        t.cancel("later");
        BOOST_TEST(!f.cancelled());
        f.set_result(1);
        BOOST_TEST(t.get() == "1 later");
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_await_each_other_can_be_cancelled) {
    run_virtual([] {
        crocus::task<void>* second = nullptr;
        auto a = create_task([&] { second->get(); });
        auto b = create_task([&] { a.get(); });
        second = &b;
        crocus::yield_now();
        a.cancel("knot");
        BOOST_TEST(cancellation_of([&] { b.get(); }) == "knot");
        BOOST_TEST(a.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(the_main_flow_is_a_task_like_any_other) {  // T5, T8, T12
    run_virtual([] {
        auto main = crocus::current_task();
        BOOST_TEST(main.name() == "the main flow");
        BOOST_TEST(!main.done());
        auto t = create_task([main]() mutable { BOOST_TEST(main.cancel("from below")); });
        BOOST_TEST(cancellation_of([] { crocus::sleep(1h); }) == "from below");
        BOOST_TEST(main.cancelling() == 1);
        BOOST_TEST(main.uncancel() == 0);
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_is_held_in_a_generator_that_a_destructor_resumes_while_unwinding) {
    run_virtual([] {
        bool drained = false;
        struct drain {
            bool& done;
            ~drain() {
                crocus::generator<int> last([](auto& yield) {
                    crocus::sleep(5ms);
                    yield(1);
                });
                for (int i : last) done = i == 1;
            }
        };
        auto t = create_task([&] {
            try {
                const drain at_end{drained};
                throw std::runtime_error("unwinding");
            } catch (const std::runtime_error&) {
                crocus::sleep(1h);  // here the cancellation is delivered
            }
        });
        crocus::yield_now();
        t.cancel("held");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "held");
        BOOST_TEST(drained);
    });
}
