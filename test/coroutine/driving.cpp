// Driven by hand: send and throw_, what it waits for, and who waits.
#define BOOST_TEST_MODULE coroutine_driving
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::await;
using crocus::coroutine;
using crocus::create_task;
using crocus::future;
using crocus::yield_now;
using crocus::test::cancellation_of;
using crocus::test::contains;
using crocus::test::run_virtual;
using status = crocus::coroutine_status;
using namespace std::chrono_literals;

namespace {

/// Sends until it ends, and waits for what it waits for in between.
template <class R>
R drive(coroutine<R>& c) {
    auto s = c.send();
    for (; s.yielded(); s = c.send()) await(*s);
    return s.result();
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------- its steps

// C1, C17, T2
BOOST_AUTO_TEST_CASE(a_bare_yield_goes_to_the_driver_and_needs_no_loop) {
    std::string log;
    coroutine<int> c = [&] {
        log += "a";
        yield_now();
        log += "b";
        crocus::sleep(0s);
        log += "c";
        return 42;
    };
    auto s = c.send();
    BOOST_TEST(s.yielded());
    BOOST_TEST(!*s);
    BOOST_TEST(s->done());
    BOOST_TEST((c.status() == status::suspended));
    BOOST_TEST(log == "a");
    BOOST_TEST(c.send().yielded());
    BOOST_TEST(log == "ab");
    s = c.send();
    BOOST_TEST(s.finished());
    BOOST_TEST(s.result() == 42);
    BOOST_TEST((c.status() == status::closed));
    BOOST_TEST((crocus::event_loop::current_if_any() == nullptr));
}

BOOST_AUTO_TEST_CASE(the_end_is_a_stop_iteration_with_the_value_where_that_is_asked_for) {
    coroutine<std::string> c = [] { return std::string("value"); };
    BOOST_CHECK_EXCEPTION(c.send().value(), crocus::stop_iteration<std::string>,
                          [](const auto& e) { return e.value() == "value"; });
    coroutine<> nothing = [] {};
    BOOST_CHECK_THROW(nothing.send().value(), crocus::stop_iteration<void>);
}

// C2
BOOST_AUTO_TEST_CASE(one_that_has_ended_cannot_be_driven_but_closed) {
    coroutine<int> c = [] { return 1; };
    c.send();
    BOOST_CHECK_THROW(c.send(), crocus::coroutine_already_awaited);
    BOOST_CHECK_THROW(c.throw_(std::runtime_error("x")), crocus::coroutine_already_awaited);
    BOOST_TEST(!c.close());
    coroutine<int> failed = []() -> int { throw std::runtime_error("inside"); };
    BOOST_CHECK_THROW(failed.send(), std::runtime_error);
    BOOST_CHECK_THROW(failed.send(), crocus::coroutine_already_awaited);
}

// T2, C1, G82
BOOST_AUTO_TEST_CASE(the_future_that_it_awaits_is_yielded_to_the_driver) {
    run_virtual([] {
        future<int> f, other;
        coroutine<int> c = [&] { return f.get() + 1; };
        const auto s = c.send();
        BOOST_TEST(static_cast<bool>(*s));
        BOOST_TEST(s->is(f));
        BOOST_TEST(!s->is(other));
        BOOST_TEST(!s->done());
        BOOST_TEST(c.awaiting().is(f));  // cr_await
        f.set_result(41);
        BOOST_TEST(s->done());
        BOOST_TEST(c.send().result() == 42);
        BOOST_TEST(!c.awaiting());
    });
}

// F11
BOOST_AUTO_TEST_CASE(sent_to_before_what_it_waits_for_has_come_it_keeps_waiting_for_the_same) {
    run_virtual([] {
        future<int> f;
        int entered = 0;
        coroutine<int> c = [&] {
            ++entered;
            const int value = f.get();
            ++entered;
            return value;
        };
        const auto first = c.send();
        const auto second = c.send();
        BOOST_TEST(second->is(f));
        BOOST_TEST(entered == 1);
        f.set_result(1);
        BOOST_TEST(first->done());
        BOOST_TEST(second->done());
        BOOST_TEST(c.send().result() == 1);
    });
}

// I4
BOOST_AUTO_TEST_CASE(a_future_that_is_done_is_not_yielded) {
    run_virtual([] {
        future<int> f;
        f.set_result(3);
        coroutine<int> c = [&] { return f.get(); };
        BOOST_TEST(c.send().result() == 3);
    });
}

BOOST_AUTO_TEST_CASE(an_exception_of_what_it_awaits_is_raised_inside) {  // T4
    run_virtual([] {
        future<int> f;
        coroutine<std::string> c = [&]() -> std::string {
            try {
                f.get();
            } catch (const std::runtime_error& e) {
                return e.what();
            }
            return "nothing";
        };
        const auto s = c.send();
        f.set_exception(std::make_exception_ptr(std::runtime_error("from the future")));
        await(*s);
        BOOST_TEST(c.send().result() == "from the future");
    });
}

// T3
BOOST_AUTO_TEST_CASE(awaiting_a_future_of_another_loop_is_an_error_inside_it) {
    std::optional<future<int>> f;
    run_virtual([&] { f.emplace(); });
    run_virtual([&] {
        coroutine<int> c = [&] {
            BOOST_CHECK_THROW(f->get(), crocus::usage_error);
            return 1;
        };
        BOOST_TEST(c.send().result() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_driver_that_awaits_each_step_lets_others_run) {
    run_virtual([] {
        std::string log;
        auto other = create_task([&] {
            for (int i = 0; i < 3; ++i) {
                log += "o";
                yield_now();
            }
        });
        coroutine<int> c = [&] {
            for (int i = 0; i < 3; ++i) {
                log += "c";
                yield_now();
            }
            crocus::sleep(1s);
            return 5;
        };
        const auto start = crocus::event_loop::current().now();
        BOOST_TEST(drive(c) == 5);
        BOOST_TEST(log == "cococo");
        BOOST_TEST((crocus::event_loop::current().now() - start == 1s));
        other.get();
    });
}

// How a task is made of callbacks (T1, T2): each step from the loop, the next when what it waits for is there.
BOOST_AUTO_TEST_CASE(callbacks_can_drive_it) {
    run_virtual([] {
        future<int> f, result;
        coroutine<int> c = [&] {
            yield_now();
            crocus::sleep(1s);
            return f.get() + 1;
        };
        std::function<void()> step = [&] {
            auto s = c.send();
            if (s.finished()) return result.set_result(s.result());
            s->add_done_callback([&] { step(); });
        };
        auto& loop = crocus::event_loop::current();
        loop.call_soon([&] { step(); });
        loop.call_later(2s, [&] { f.set_result(1); });
        BOOST_TEST(result.get() == 2);
    });
}

// ----------------------------------------------------------------------------------------------------------- who waits

BOOST_AUTO_TEST_CASE(what_waits_is_the_coroutine_and_not_the_task_that_drives_it) {
    run_virtual([] {
        future<void> f;
        coroutine<> c = [&] { f.get(); };
        auto driver = create_task([&] {
            BOOST_TEST(c.send().yielded());  // returns though f is pending
            return 1;
        });
        BOOST_TEST(driver.get() == 1);
        f.set_result();
        BOOST_TEST(c.send().finished());  // by another task than began it
    });
}

BOOST_AUTO_TEST_CASE(inside_it_the_task_that_drives_it_is_the_current_one) {
    run_virtual([] {
        coroutine<std::string> c = [] {
            std::string names = crocus::current_task().name();
            yield_now();
            return names + crocus::current_task().name();
        };
        create_task([&] { c.send(); }, {.name = "first "}).get();
        create_task([&] { BOOST_TEST(c.send().result() == "first second"); }, {.name = "second"}).get();
    });
}

BOOST_AUTO_TEST_CASE(waits_of_what_it_awaits_come_out_at_its_driver) {
    run_virtual([] {
        future<int> f;
        coroutine<int> c = [&] {
            coroutine<int> inner = [&] { return f.get() + 1; };
            return await(inner) + 1;
        };
        BOOST_TEST(c.send()->is(f));
        f.set_result(1);
        BOOST_TEST(c.send().result() == 3);
    });
}

BOOST_AUTO_TEST_CASE(waits_of_a_generator_that_it_resumes_come_out_at_its_driver) {
    run_virtual([] {
        future<int> f;
        crocus::generator<int> g = [&](auto& yield) {
            yield(1);
            yield(f.get());
        };
        coroutine<int> c = [&] {
            int sum = 0;
            for (const int n : g) sum += n;
            return sum;
        };
        BOOST_TEST(c.send()->is(f));
        BOOST_CHECK_THROW(g.next(), crocus::generator_already_executing);
        f.set_result(2);
        BOOST_TEST(c.send().result() == 3);
    });
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_drives_another_gets_its_waits) {
    run_virtual([] {
        future<int> f;
        coroutine<int> inner = [&] { return f.get(); };
        coroutine<int> outer = [&] {
            const auto s = inner.send();
            BOOST_TEST(s->is(f));
            yield_now();
            await(*s);
            return inner.send().result() + 1;
        };
        BOOST_TEST(!*outer.send());
        const auto s = outer.send();
        BOOST_TEST(static_cast<bool>(*s));
        BOOST_TEST(!s->is(f));  // it waits for inner to be ready
        f.set_result(1);
        BOOST_TEST(s->done());
        BOOST_TEST(outer.send().result() == 2);
    });
}

BOOST_AUTO_TEST_CASE(a_generator_can_drive_it) {
    coroutine<int> c = [] {
        yield_now();
        yield_now();
        return 3;
    };
    crocus::generator<int> g = [&](auto& yield) {
        auto s = c.send();
        for (int n = 0; s.yielded(); s = c.send()) yield(n++);
        yield(s.result());
    };
    std::vector<int> seen;
    for (const int n : g) seen.push_back(n);
    BOOST_TEST(seen == (std::vector<int>{0, 1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(its_wait_may_be_the_first_need_of_a_loop) {
    coroutine<int> c = [] {
        crocus::sleep(1ms);
        run_virtual([] { crocus::sleep(1h); });  // as in the main flow that drives it
        return 1;
    };
    auto s = c.send();
    BOOST_TEST(static_cast<bool>(*s));
    await(*s);
    BOOST_TEST(c.send().result() == 1);
    crocus::sleep(1ms);  // and the main flow is its own again
}

BOOST_AUTO_TEST_CASE(a_loop_may_run_inside_it) {
    coroutine<int> c = [] {
        yield_now();
        const int n = run_virtual([] {
            crocus::sleep(1s);
            coroutine<> running = [] { crocus::run([] {}); };
            BOOST_CHECK_THROW(running.send(), crocus::usage_error);
            coroutine<int> inner = [] {
                crocus::sleep(1s);
                return 20;
            };
            return drive(inner) + create_task([] { return 1; }).get();
        });
        yield_now();
        return n * 2;
    };
    BOOST_TEST(!*c.send());
    BOOST_TEST(!*c.send());
    BOOST_TEST(c.send().result() == 42);
}

BOOST_AUTO_TEST_CASE(a_loop_callback_may_drive_it) {
    run_virtual([] {
        std::string log;
        coroutine<> c = [&] {
            log += "a";
            yield_now();
            BOOST_CHECK_THROW(crocus::current_task(), crocus::cannot_suspend);
            log += "b";
        };
        crocus::event_loop::current().call_soon([&] {
            c.send();
            c.send();
            BOOST_CHECK_THROW(yield_now(), crocus::cannot_suspend);
        });
        yield_now();
        BOOST_TEST(log == "ab");
    });
}

BOOST_AUTO_TEST_CASE(each_kind_of_wait_goes_to_the_driver) {
    run_virtual([] {
        crocus::semaphore s(0);
        coroutine<int> c = [&] {
            s.acquire();
            const auto [a, b] = crocus::gather(
                [] {
                    crocus::sleep(1s);
                    return 1;
                },
                [] { return 2; });
            return a + b;
        };
        auto step = c.send();
        BOOST_TEST(static_cast<bool>(*step));
        s.release();
        BOOST_TEST(step->done());
        BOOST_TEST(drive(c) == 3);
    });
}

BOOST_AUTO_TEST_CASE(a_call_in_another_thread_goes_to_the_driver) {
    crocus::run([] {
        coroutine<int> c = [] { return crocus::to_thread([] { return 7; }); };
        const auto s = c.send();
        BOOST_TEST(static_cast<bool>(*s));
        await(*s);
        BOOST_TEST(drive(c) == 7);
    });
}

BOOST_AUTO_TEST_CASE(errno_and_exceptions_being_handled_are_its_own) {
    coroutine<int> c = [] {
        try {
            throw std::runtime_error("inside");
        } catch (...) {
            errno = 5;
            yield_now();
            BOOST_TEST(errno == 5);
            BOOST_TEST(contains(crocus::describe(std::current_exception()), "inside"));
        }
        return 1;
    };
    c.send();
    BOOST_TEST((std::current_exception() == nullptr));
    errno = 7;
    BOOST_TEST(c.send().result() == 1);
}

// ---------------------------------------------------------------------------------------------------- driver's waiting

BOOST_AUTO_TEST_CASE(a_cancelled_driver_leaves_what_the_coroutine_waits_for_alone) {
    run_virtual([] {
        future<int> f;
        coroutine<int> c = [&] { return f.get(); };
        const auto s = c.send();
        auto driver = create_task([&] { await(*s); });
        auto other = create_task([&] { await(*s); });
        yield_now();
        driver.cancel();
        BOOST_CHECK_THROW(driver.get(), crocus::cancelled_error);
        BOOST_TEST(!s->done());
        f.set_result(1);
        other.get();
        BOOST_TEST(c.send().result() == 1);
    });
}

BOOST_AUTO_TEST_CASE(who_awaits_what_it_waits_for_is_woken_when_the_wait_ends_in_another_way) {
    run_virtual([] {
        future<int> f;
        std::optional<coroutine<int>> c([&] { return f.get(); });
        const auto s = c->send();
        auto other = create_task([&] { await(*s); });
        yield_now();
        c.reset();
        BOOST_TEST(s->done());
        other.get();
    });
}

// -------------------------------------------------------------------------------------------------------------- throw_

// C1, G22 to G28
BOOST_AUTO_TEST_CASE(what_is_thrown_in_is_raised_where_it_waits_and_ends_the_wait) {
    run_virtual([] {
        future<int> f;
        coroutine<std::string> c = [&]() -> std::string {
            try {
                f.get();
            } catch (const std::runtime_error& e) {
                yield_now();
                return e.what();
            }
            return "not raised";
        };
        c.send();
        const auto s = c.throw_(std::runtime_error("raised"));
        BOOST_TEST(s.yielded());
        BOOST_TEST(!*s);
        f.set_result(1);  // wakes nobody
        BOOST_TEST(c.send().result() == "raised");
    });
}

BOOST_AUTO_TEST_CASE(what_is_thrown_in_and_not_handled_comes_back_and_ends_it) {  // G24
    coroutine<> c = [] { yield_now(); };
    c.send();
    BOOST_CHECK_THROW(c.throw_(std::runtime_error("x")), std::runtime_error);
    BOOST_TEST((c.status() == status::closed));
}

// G25
BOOST_AUTO_TEST_CASE(one_that_has_not_begun_and_is_thrown_at_is_closed_unrun) {
    bool ran = false;
    coroutine<> c = [&] { ran = true; };
    BOOST_CHECK_THROW(c.throw_(std::runtime_error("x")), std::runtime_error);
    BOOST_TEST((c.status() == status::closed));
    BOOST_TEST(!ran);
    coroutine<> null = [] {};
    BOOST_CHECK_THROW(null.throw_(std::exception_ptr()), crocus::usage_error);
    null.close();
}

BOOST_AUTO_TEST_CASE(a_cancellation_thrown_in_ends_a_sleep_whose_timer_is_gone) {
    run_virtual([] {
        auto& loop = crocus::event_loop::current();
        const auto start = loop.now();
        coroutine<> c = [] { crocus::sleep(1h); };
        c.send();
        BOOST_TEST(cancellation_of([&] { c.throw_(crocus::cancelled_error("enough")); }) == "enough");
        crocus::sleep(2h);
        BOOST_TEST((loop.now() - start == 2h));
    });
}

BOOST_AUTO_TEST_CASE(a_permit_that_it_has_been_given_is_not_lost_to_what_is_thrown_in) {
    run_virtual([] {
        crocus::semaphore s(0);
        std::string log;
        coroutine<> c = [&] {
            s.acquire();
            log += "acquired ";
            try {
                yield_now();
            } catch (const std::runtime_error&) {
                log += "raised";
                s.release();
            }
        };
        c.send();
        s.release();
        BOOST_TEST(c.throw_(std::runtime_error("x")).finished());
        BOOST_TEST(log == "acquired raised");
        BOOST_TEST(s.try_acquire());
    });
}

BOOST_AUTO_TEST_CASE(what_could_not_be_raised_in_it_is_raised_by_its_end) {
    run_virtual([] {
        crocus::semaphore s(0);
        bool acquired = false;
        coroutine<> c = [&] {
            s.acquire();
            acquired = true;
        };
        c.send();
        s.release();
        BOOST_CHECK_THROW(c.throw_(std::runtime_error("x")), std::runtime_error);
        BOOST_TEST(acquired);
    });
}

// -------------------------------------------------------------------------------------------------------- cancellation

BOOST_AUTO_TEST_CASE(it_can_be_cancelled_like_every_agent) {
    run_virtual([] {
        crocus::agent* self = nullptr;
        future<int> f;
        coroutine<std::string> c = [&] {
            self = &crocus::agent::current();
            const std::string sleeping = cancellation_of([] { crocus::sleep(1h); });
            const std::string awaiting = cancellation_of([&] { f.get(); });
            return sleeping + awaiting;
        };
        auto s = c.send();
        self->cancel("one ");
        BOOST_TEST(s->done());
        s = c.send();
        BOOST_TEST(s->is(f));
        self->cancel("two");
        BOOST_TEST(f.cancelled());  // forwarded
        BOOST_TEST(c.send().result() == "one two");
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_it_never_met_comes_out_at_its_end) {  // T9
    coroutine<int> c = [] {
        crocus::agent::current().cancel("late");
        return 1;
    };
    BOOST_TEST(cancellation_of([&] { c.send(); }) == "late");
}
