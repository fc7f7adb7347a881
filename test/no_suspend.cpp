#define BOOST_TEST_MODULE no_suspend
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <thread>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/no_suspend.hpp>
#include <crocus/run.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::no_suspend;
using crocus::test::cancellation_of;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

/// What it says; empty if it did not refuse.
template <class F>
std::string refusal_of(F f) {
    try {
        f();
        return {};
    } catch (const crocus::usage_error& e) {
        return e.what();
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_would_suspend_throws_and_says_where_that_was_forbidden) {  // users' T10
    run_virtual([] {
        crocus::future<int> never;
        crocus::semaphore none(0);
        auto task = create_task([] {});
        const auto line = std::to_string(__LINE__ + 1);
        const no_suspend here;
        for (const auto& said : {refusal_of([] { crocus::yield_now(); }), refusal_of([] { crocus::sleep(1s); }),
                                 refusal_of([&] { never.get(); }), refusal_of([&] { none.acquire(); }),
                                 refusal_of([&] { static_cast<void>(none.try_acquire_for(1s)); }),
                                 refusal_of([&] { task.get(); }), refusal_of([&] { crocus::gather(never, task); }),
                                 refusal_of([] { crocus::with_timeout(1s, [] { crocus::sleep(1h); }); }),
                                 refusal_of([] { crocus::defer_cancellation([] { crocus::sleep(1h); }); })}) {
            BOOST_TEST(contains(said, "test/no_suspend.cpp:" + line));
            BOOST_TEST(contains(said, "Called: "));
        }
    });
}

BOOST_AUTO_TEST_CASE(what_was_refused_has_done_nothing_and_works_afterwards) {
    run_virtual([] {
        crocus::semaphore one(1);
        {
            const no_suspend here;
            one.acquire();  // it need not suspend
            BOOST_TEST(!refusal_of([&] { one.acquire(); }).empty());
        }
        one.release();
        BOOST_TEST(one.try_acquire());
        std::string log;
        auto other = create_task([&] { log += "other "; });
        {
            const no_suspend here;
            BOOST_TEST(!refusal_of([] { crocus::yield_now(); }).empty());
            BOOST_TEST(log == "");
        }
        crocus::yield_now();
        log += "then";
        BOOST_TEST(log == "other then");
        other.get();
    });
}

BOOST_AUTO_TEST_CASE(scopes_nest) {
    run_virtual([] {
        {
            const no_suspend outer;
            {
                const auto line = std::to_string(__LINE__ + 1);
                const no_suspend inner;
                BOOST_TEST(contains(refusal_of([] { crocus::yield_now(); }), ":" + line));
            }
            BOOST_TEST(!refusal_of([] { crocus::yield_now(); }).empty());
        }
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_waits_until_it_is_left) {
    run_virtual([] {
        auto task = create_task([] {
            {
                const no_suspend here;
                crocus::current_task().cancel("later");
                BOOST_TEST(!refusal_of([] { crocus::yield_now(); }).empty());
                BOOST_TEST(crocus::current_task().cancelling() == 1);
            }
            BOOST_TEST(cancellation_of([] { crocus::yield_now(); }) == "later");
            BOOST_TEST(cancellation_of([] { crocus::yield_now(); }) == "none");
        });
        task.get();
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_is_taken_back_inside_leaves_the_scope_closed) {
    run_virtual([] {
        auto task = create_task([] {
            const no_suspend here;
            crocus::current_task().cancel("x");
            BOOST_TEST(crocus::current_task().uncancel() == 0);
            BOOST_TEST(!refusal_of([] { crocus::yield_now(); }).empty());
        });
        task.get();
    });
}

BOOST_AUTO_TEST_CASE(other_tasks_may_suspend) {
    run_virtual([] {
        std::string log;
        const auto waits = [&] {
            log += 'a';
            crocus::yield_now();
            log += 'b';
        };
        auto eager = [&] {
            const no_suspend here;
            return create_task(waits, {.eager_start = true});
        }();
        BOOST_TEST(log == "a");
        eager.get();
        BOOST_TEST(log == "ab");
    });
}

BOOST_AUTO_TEST_CASE(a_yield_out_of_it_is_refused) {
    run_virtual([] {
        crocus::generator<int> g([](auto& yield) {
            const no_suspend here;
            yield(1);
        });
        BOOST_CHECK_THROW(g.next(), crocus::yield_across_scope);
    });
}

BOOST_AUTO_TEST_CASE(callbacks_and_threads_without_a_loop_may_have_one) {
    run_virtual([] {
        crocus::event_loop::current().call_soon([] { const no_suspend here; });
        crocus::yield_now();
    });
    std::thread([] {
        const no_suspend here;
        BOOST_TEST(crocus::event_loop::current_if_any() == nullptr);
    }).join();
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_made_inside_is_held_too) {
    std::thread([] {
        {
            const no_suspend outer;
            const no_suspend inner;
            BOOST_TEST(!refusal_of([] { crocus::sleep(1h); }).empty());
            BOOST_TEST(!refusal_of([] { crocus::yield_now(); }).empty());
        }
        crocus::yield_now();
    }).join();
}

BOOST_AUTO_TEST_CASE(in_debug_mode_it_is_refused_also_where_it_need_not_suspend) {  // C26
    crocus::run(
        [] {
            crocus::semaphore one(1);
            const no_suspend here;
            BOOST_TEST(!refusal_of([&] { one.acquire(); }).empty());
            BOOST_TEST(one.try_acquire());
        },
        {.driver = std::make_unique<crocus::test::virtual_time_driver>(), .handle_interrupt = false, .debug = true});
}

BOOST_AUTO_TEST_CASE(what_waits_for_functions_is_refused_before_one_of_them_begins) {
    run_virtual([] {
        bool began = false;
        const auto begin = [&] { began = true; };
        BOOST_TEST(contains(refusal_of([&] {
                                const no_suspend all_at_once;
                                crocus::gather(begin, begin);
                            }),
                            "no_suspend"));
        crocus::yield_now();
        BOOST_TEST(!began);
    });
}
