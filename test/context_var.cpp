#define BOOST_TEST_MODULE context_var
#include <crocus/context_var.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

using crocus::context;
using crocus::context_scope;
using crocus::context_var;
using crocus::create_task;
using crocus::event_loop;
using crocus::generator;
using crocus::yield_now;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

context_var<std::string> user("user", "nobody");
context_var<int> depth("depth");

template <class Error, class F>
std::string message_of(F f) {
    try {
        f();
    } catch (const Error& e) {
        return e.what();
    }
    return "nothing was thrown";
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------- variables

BOOST_AUTO_TEST_CASE(a_variable_without_value_and_default_is_an_error_that_names_it) {  // C22
    context().run([] {
        BOOST_TEST(contains(message_of<crocus::context_var_unset>([] { static_cast<void>(depth.get()); }), "'depth'"));
        BOOST_CHECK_THROW(static_cast<void>(depth.get()), std::out_of_range);
        BOOST_TEST(depth.get_or(7) == 7);
        BOOST_TEST(depth.name() == "depth");
    });
}

BOOST_AUTO_TEST_CASE(a_value_comes_before_what_get_or_is_given_and_that_before_the_default) {  // C22
    context().run([] {
        BOOST_TEST(user.get() == "nobody");
        BOOST_TEST(user.get_or("somebody") == "somebody");
        user.set("ada");
        BOOST_TEST(user.get() == "ada");
        BOOST_TEST(user.get_or("somebody") == "ada");
    });
}

BOOST_AUTO_TEST_CASE(many_variables_are_kept_apart) {  // C22
    context().run([] {
        std::vector<std::unique_ptr<context_var<int>>> all;
        for (int i = 0; i != 100; ++i) all.push_back(std::make_unique<context_var<int>>("v"));
        for (int i = 99; i >= 0; --i) all[static_cast<std::size_t>(i)]->set(i);
        for (int i = 0; i != 100; i += 2) all[static_cast<std::size_t>(i)]->set(-i);
        for (int i = 0; i != 100; ++i) BOOST_TEST(all[static_cast<std::size_t>(i)]->get() == (i % 2 == 0 ? -i : i));
    });
}

BOOST_AUTO_TEST_CASE(a_variable_where_another_one_was_has_nothing_of_it) {
    context().run([] {
        std::optional<context_var<int>> first(std::in_place, "first");
        first->set(1);
        std::optional<context_var<int>>& same_place = first;
        same_place.emplace("second");
        BOOST_TEST(same_place->get_or(0) == 0);
    });
}

BOOST_AUTO_TEST_CASE(each_thread_begins_with_nothing) {  // C22
    context().run([] {
        user.set("ada");
        std::string seen;
        std::thread([&seen] {
            seen = user.get();
            user.set("bob");
            seen += "," + user.get();
        }).join();
        BOOST_TEST(seen == "nobody,bob");
        BOOST_TEST(user.get() == "ada");
    });
}

BOOST_AUTO_TEST_CASE(what_was_set_goes_with_its_context) {
    const auto value = std::make_shared<int>(1);
    context_var<std::shared_ptr<int>> holder("holder");
    context().run([&] { holder.set(value); });
    BOOST_TEST(value.use_count() == 1);
    std::thread([&] { holder.set(value); }).join();
    BOOST_TEST(value.use_count() == 1);
    run_virtual([&] {
        auto done = create_task([&] { holder.set(value); });
        done.get();
        BOOST_TEST(value.use_count() == 1);  // though there is a handle
        event_loop::current().call_soon([&] { holder.set(value); });
        yield_now();
        BOOST_TEST(value.use_count() == 1);
        crocus::handle h;
        context().run([&] {
            holder.set(value);
            h = event_loop::current().call_soon([] {});
        });
        BOOST_TEST(value.use_count() == 2);
        h.cancel();
        BOOST_TEST(value.use_count() == 1);
    });
}

// -------------------------------------------------------------------------------------------------------------- tokens

BOOST_AUTO_TEST_CASE(a_token_leads_back_to_what_was_before) {  // C22
    context().run([] {
        auto to_unset = depth.set(1);
        auto to_one = depth.set(2);
        depth.reset(to_one);
        BOOST_TEST(depth.get() == 1);
        depth.reset(to_unset);
        BOOST_CHECK_THROW(static_cast<void>(depth.get()), crocus::context_var_unset);
    });
}

BOOST_AUTO_TEST_CASE(a_token_can_be_used_once) {  // C22
    context().run([] {
        auto token = depth.set(1);
        depth.reset(token);
        depth.set(3);
        BOOST_TEST(contains(message_of<crocus::context_token_used>([&] { depth.reset(token); }), "'depth'"));
        BOOST_TEST(depth.get() == 3);
        auto other = depth.set(4);
        const auto taken = std::move(other);
        BOOST_CHECK_THROW(depth.reset(other), crocus::context_token_used);
    });
}

BOOST_AUTO_TEST_CASE(a_token_is_good_for_its_variable_alone) {  // C22
    context().run([] {
        context_var<int> other("other");
        auto token = depth.set(1);
        other.set(5);
        BOOST_TEST(contains(message_of<crocus::context_token_of_other_variable>([&] { other.reset(token); }),
                            "'other' cannot be reset with a token of 'depth'"));
        BOOST_TEST(other.get() == 5);
        depth.reset(token);  // it was not used up
        BOOST_TEST(depth.get_or(0) == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_token_is_good_in_its_context_alone) {  // C22
    context().run([] {
        auto token = depth.set(1);
        context::copy_current().run([&] {
            BOOST_CHECK_THROW(depth.reset(token), crocus::context_token_of_other_context);
            BOOST_TEST(depth.get() == 1);
        });
        run_virtual([&] {
            create_task([&] { BOOST_CHECK_THROW(depth.reset(token), crocus::context_token_of_other_context); }).get();
        });
        depth.reset(token);
        BOOST_TEST(depth.get_or(0) == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_scope_restores_at_its_end_also_when_an_exception_leaves_it) {  // C22
    context().run([] {
        user.set("outer");
        {
            const context_scope scope(user.set("inner"));
            BOOST_TEST(user.get() == "inner");
        }
        BOOST_TEST(user.get() == "outer");
        try {
            const context_scope scope(user.set("inner"));
            throw std::runtime_error("out");
        } catch (const std::runtime_error&) {
            BOOST_TEST(user.get() == "outer");
        }
        {
            auto token = user.set("moved");
            auto elsewhere = std::move(token);
            const context_scope scope(std::move(token));  // one that was moved from
        }
        BOOST_TEST(user.get() == "moved");
    });
}

BOOST_AUTO_TEST_CASE(a_scope_that_ends_in_another_context_is_reported) {
    std::vector<std::string> reports;
    const auto before = crocus::set_unraisable_hook([&](const std::string& where, std::exception_ptr error) {
        reports.push_back(where + ": " + crocus::describe(error));
    });
    generator<int> g = [](auto& yield) {
        const context_scope scope(depth.set(1));
        yield(1);
    };
    const context first;
    first.run([&] { g.next(); });
    context().run([&] {
        depth.set(2);
        g.next();
        BOOST_TEST(depth.get() == 2);
    });
    crocus::set_unraisable_hook(before);
    BOOST_REQUIRE(reports.size() == 1);
    BOOST_TEST(contains(reports[0], "context_scope"));
    BOOST_TEST(contains(reports[0], "'depth' was set in another context"));
}

// ------------------------------------------------------------------------------------------------------------ contexts

BOOST_AUTO_TEST_CASE(run_returns_what_its_function_does_and_passes_on_what_it_throws) {  // C22
    const context c;
    int target = 0;
    BOOST_TEST(c.run([] { return 3; }) == 3);
    BOOST_TEST(&c.run([&]() -> int& { return target; }) == &target);
    BOOST_CHECK_THROW(c.run([] { throw std::runtime_error("out"); }), std::runtime_error);
    BOOST_TEST(c.run([] { return 4; }) == 4);  // it was left
}

BOOST_AUTO_TEST_CASE(what_is_set_in_a_context_stays_there) {  // C22
    context().run([] {
        user.set("outside");
        const context c = context::copy_current();
        c.run([] {
            BOOST_TEST(user.get() == "outside");
            user.set("inside");
            depth.set(1);
        });
        BOOST_TEST(user.get() == "outside");
        BOOST_TEST(depth.get_or(0) == 0);
        user.set("changed");
        const context same = c;
        same.run([] {
            BOOST_TEST(user.get() == "inside");
            BOOST_TEST(depth.get() == 1);
        });
        context().run([] { BOOST_TEST(user.get() == "nobody"); });
    });
}

BOOST_AUTO_TEST_CASE(a_context_that_somebody_is_in_cannot_be_entered) {  // C22
    const context c;
    c.run([&] {
        user.set("kept");
        BOOST_CHECK_THROW(c.run([] {}), crocus::context_already_entered);
        context::copy_current().run([&] { BOOST_CHECK_THROW(c.run([] {}), crocus::context_already_entered); });
        std::thread([&] { BOOST_CHECK_THROW(c.run([] {}), crocus::context_already_entered); }).join();
        BOOST_TEST(user.get() == "kept");
    });
    c.run([] { BOOST_TEST(user.get() == "kept"); });
}

BOOST_AUTO_TEST_CASE(a_context_is_current_in_its_own_flow_alone_while_that_waits) {
    run_virtual([] {
        user.set("main");
        const context c = context::copy_current();
        auto inside = create_task([&] {
            c.run([] {
                user.set("inside");
                crocus::sleep(2s);
                BOOST_TEST(user.get() == "inside");
            });
            BOOST_TEST(user.get() == "main");
        });
        crocus::sleep(1s);
        BOOST_TEST(user.get() == "main");
        BOOST_CHECK_THROW(c.run([] {}), crocus::context_already_entered);
        inside.get();
        BOOST_TEST(user.get() == "main");
    });
}

BOOST_AUTO_TEST_CASE(a_body_cannot_yield_out_of_a_context) {
    generator<int> g = [](auto& yield) { context().run([&] { yield(1); }); };
    BOOST_CHECK_THROW(g.next(), crocus::yield_across_scope);
}

BOOST_AUTO_TEST_CASE(a_context_outlasts_the_making_of_a_loop_inside_it) {
    std::thread([] {
        user.set("thread");
        context().run([] {
            user.set("inside");
            yield_now();  // here the thread's loop is made
            BOOST_TEST(user.get() == "inside");
        });
        BOOST_TEST(user.get() == "thread");
    }).join();
}

// ------------------------------------------------------------------------------------------------- calls, tasks, loops

BOOST_AUTO_TEST_CASE(a_call_shares_its_callers_context_and_so_does_an_awaited_coroutine) {  // C23
    run_virtual([] {
        user.set("caller");
        crocus::coroutine<void> c = [] {
            BOOST_TEST(user.get() == "caller");
            yield_now();
            user.set("callee");
        };
        crocus::await(c);
        BOOST_TEST(user.get() == "callee");
    });
}

BOOST_AUTO_TEST_CASE(a_task_begins_with_a_copy_of_what_its_maker_saw) {  // C23, T1, T49
    run_virtual([] {
        user.set("maker");
        auto t = create_task([] {
            BOOST_TEST(user.get() == "maker");
            user.set("task");
            crocus::sleep(1s);
            BOOST_TEST(user.get() == "task");
            create_task([] { BOOST_TEST(user.get() == "task"); }).get();
        });
        user.set("later");
        yield_now();
        BOOST_TEST(user.get() == "later");
        t.get();
        BOOST_TEST(user.get() == "later");
    });
}

BOOST_AUTO_TEST_CASE(many_tasks_have_each_their_own) {  // T49
    run_virtual([] {
        std::vector<crocus::task<void>> all;
        for (int i = 0; i != 100; ++i)
            all.push_back(create_task([i] {
                for (int round = 0; round != 3; ++round) {
                    depth.set(i + round);
                    yield_now();
                    BOOST_TEST(depth.get() == i + round);
                }
            }));
        for (auto& t : all) t.get();
        BOOST_TEST(depth.get_or(-1) == -1);
    });
}

BOOST_AUTO_TEST_CASE(gather_makes_tasks_whose_changes_stay_with_them) {  // C23
    run_virtual([] {
        user.set("main");
        crocus::gather([] { user.set("first"); }, [] { BOOST_TEST(user.get() == "main"); });
        BOOST_TEST(user.get() == "main");
    });
}

BOOST_AUTO_TEST_CASE(the_main_flow_of_run_has_a_copy) {
    context().run([] {
        user.set("before");
        run_virtual([] {
            BOOST_TEST(user.get() == "before");
            user.set("in run");
        });
        BOOST_TEST(user.get() == "before");
    });
}

BOOST_AUTO_TEST_CASE(a_thread_keeps_its_context_when_its_loop_is_made) {
    std::thread([] {
        auto token = user.set("early");
        yield_now();
        BOOST_TEST(user.get() == "early");
        create_task([] { BOOST_TEST(user.get() == "early"); }).get();
        user.reset(token);
        BOOST_TEST(user.get() == "nobody");
    }).join();
}

// ----------------------------------------------------------------------------------------------------------- callbacks

BOOST_AUTO_TEST_CASE(a_callback_runs_with_the_context_of_its_registration) {  // I3, L13, L15
    run_virtual([] {
        auto& loop = event_loop::current();
        std::vector<std::string> seen;
        const auto note = [&] {
            seen.push_back(user.get());
            user.set("changed by a callback");
        };
        user.set("soon");
        loop.call_soon(note);
        loop.call_soon(note);  // it does not see what the first one sets
        user.set("later");
        loop.call_later(1s, note);
        user.set("at");
        loop.call_at(loop.now() + 2s, note);
        user.set("main");
        crocus::sleep(3s);
        BOOST_TEST(seen == (std::vector<std::string>{"soon", "soon", "later", "at"}), boost::test_tools::per_element());
        BOOST_TEST(user.get() == "main");
    });
}

BOOST_AUTO_TEST_CASE(a_callback_without_context_does_not_see_the_one_before_it) {
    run_virtual([] {
        std::vector<std::string> seen;
        const auto note = [&] {
            seen.push_back(user.get());
            user.set("left over");
        };
        event_loop::current().call_soon(note);
        event_loop::current().call_soon(note);
        yield_now();
        yield_now();
        BOOST_TEST(seen == (std::vector<std::string>{"nobody", "nobody"}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_callback_registers_and_makes_tasks_with_its_own_context) {  // C23, L13
    run_virtual([] {
        std::string seen;
        user.set("registered");
        event_loop::current().call_soon([&] {
            user.set("callback");
            event_loop::current().call_soon([&] { seen += user.get(); });
            static_cast<void>(create_task([&] { seen += "," + user.get(); }));
        });
        user.set("main");
        crocus::sleep(1s);
        BOOST_TEST(seen == "callback,callback");
    });
}

BOOST_AUTO_TEST_CASE(a_done_callback_runs_with_the_context_of_its_registration) {  // I3, F8, T49
    run_virtual([] {
        std::vector<std::string> seen;
        const auto note = [&](crocus::future<int>) { seen.push_back(user.get()); };
        crocus::future<int> f;
        user.set("first");
        f.add_done_callback(note);
        user.set("second");
        f.add_done_callback(note);
        user.set("setter");
        create_task([f]() mutable {
            user.set("task");
            f.set_result(1);
        }).get();
        user.set("when done");
        f.add_done_callback(note);
        user.set("main");
        yield_now();
        yield_now();
        BOOST_TEST(seen == (std::vector<std::string>{"first", "second", "when done"}),
                   boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_callback_of_another_thread_has_that_threads_context) {  // L14
    crocus::run([] {
        user.set("loop");
        crocus::future<std::string> seen;
        std::thread([&loop = event_loop::current(), seen] {
            user.set("thread");
            loop.call_soon_threadsafe([seen]() mutable { seen.set_result(user.get()); });
        }).join();
        BOOST_TEST(seen.get() == "thread");
    });
}

BOOST_AUTO_TEST_CASE(the_handler_of_a_callbacks_exception_runs_in_its_context) {  // L22
    run_virtual([] {
        std::string seen;
        event_loop::current().set_exception_handler([&](event_loop&, const auto&) { seen = user.get(); });
        user.set("registered");
        event_loop::current().call_soon([] {
            user.set("callback");
            throw std::runtime_error("out");
        });
        user.set("main");
        crocus::sleep(1s);
        BOOST_TEST(seen == "callback");
    });
}

// -------------------------------------------------------------------------------------------- generators and
// coroutines

BOOST_AUTO_TEST_CASE(a_generator_sees_and_changes_its_resumers_context) {  // G19
    run_virtual([] {
        generator<std::string> g = [](auto& yield) {
            for (int i = 0;; ++i) {
                yield(user.get());
                user.set("set by the body " + std::to_string(i));
            }
        };
        user.set("main");
        BOOST_TEST(*g.next() == "main");
        user.set("main again");
        BOOST_TEST(*g.next() == "set by the body 0");
        BOOST_TEST(user.get() == "set by the body 0");
        create_task([&] {
            user.set("task");
            BOOST_TEST(*g.next() == "set by the body 1");
            BOOST_TEST(user.get() == "set by the body 1");
        }).get();
        BOOST_TEST(user.get() == "set by the body 0");
        context().run([&] {
            g.next();
            BOOST_TEST(user.get() == "set by the body 2");
        });
        BOOST_TEST(user.get() == "set by the body 0");
    });
}

BOOST_AUTO_TEST_CASE(a_body_that_waits_goes_on_in_its_resumers_context) {  // G19
    run_virtual([] {
        generator<std::string> g = [](auto& yield) {
            crocus::sleep(1s);
            yield(user.get());
        };
        auto t = create_task([&] {
            user.set("resumer");
            BOOST_TEST(*g.next() == "resumer");
        });
        user.set("main");
        t.get();
    });
}

BOOST_AUTO_TEST_CASE(a_coroutine_driven_by_hand_sees_and_changes_its_drivers_context) {  // C23
    const auto body = [] {
        for (int i = 0; i != 3; ++i) {
            user.set(user.get() + "+");
            yield_now();
        }
    };
    context().run([&] {  // without a loop
        crocus::coroutine<void> c = body;
        user.set("driver");
        c.send();
        BOOST_TEST(user.get() == "driver+");
        context().run([&] {
            c.send();
            BOOST_TEST(user.get() == "nobody+");
        });
    });
    run_virtual([&] {
        crocus::coroutine<void> inner = body;
        crocus::coroutine<void> outer = [&] {
            inner.send();
            yield_now();
            inner.send();
        };
        user.set("task");
        outer.send();
        BOOST_TEST(user.get() == "task+");
        create_task([&] {
            user.set("other");
            outer.send();
            BOOST_TEST(user.get() == "other+");
        }).get();
        BOOST_TEST(user.get() == "task+");
    });
}

BOOST_AUTO_TEST_CASE(a_context_that_a_driven_coroutine_is_in_does_not_stay_with_its_driver) {
    context().run([] {
        std::string seen;
        crocus::coroutine<void> inner = [&] { seen += user.get() + ","; };
        crocus::coroutine<void> c = [&] {
            context().run([&] {
                user.set("inside");
                yield_now();
                seen += user.get() + ",";
                inner.send();
            });
            seen += user.get();
        };
        user.set("driver");
        c.send();
        BOOST_TEST(user.get() == "driver");
        c.send();
        BOOST_TEST(seen == "inside,inside,driver");
    });
}

// ------------------------------------------------------------------------------------------------------------- threads

BOOST_AUTO_TEST_CASE(to_thread_takes_a_copy_along) {  // X3
    crocus::run([] {
        user.set("caller");
        const auto work = [] {
            auto seen = user.get();
            user.set("thread");
            return seen;
        };
        BOOST_TEST(crocus::to_thread(work) == "caller");
        BOOST_TEST(crocus::to_thread(work, {.abandon_on_cancel = true}) == "caller");
        BOOST_TEST(crocus::to_thread([](std::stop_token) { return user.get(); }) == "caller");
        BOOST_TEST(user.get() == "caller");
    });
}

BOOST_AUTO_TEST_CASE(run_in_executor_takes_nothing_along) {  // X1
    crocus::run([] {
        crocus::thread_pool_executor pool({.max_workers = 1});
        user.set("caller");
        BOOST_TEST(crocus::run_in_executor(pool, [] { return user.get(); }) == "nobody");
    });
}

BOOST_AUTO_TEST_CASE(threads_may_share_values_and_change_their_own) {
    crocus::run([] {
        user.set("shared");
        const auto work = [] {
            for (int i = 0; i != 200; ++i) {
                context::copy_current().run([] { user.set(user.get() + "."); });
                if (user.get() != "shared") return false;
            }
            return true;
        };
        const auto same = [&work] { return crocus::to_thread(work); };
        const auto [a, b, c] = crocus::gather(same, same, same);
        BOOST_TEST((a && b && c));
    });
}
