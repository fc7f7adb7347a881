#define BOOST_TEST_MODULE event_loop_debug_mode
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/child.hpp"
#include "../support/loop_tests.hpp"
#include "../support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::test::advance;
using crocus::test::collect_reports;
using crocus::test::contains;
using namespace std::chrono_literals;

namespace {

/// run_virtual() in debug mode.
template <class F>
void run_debugged(F f) {
    crocus::run(
        f, {.driver = std::make_unique<crocus::test::virtual_time_driver>(), .handle_interrupt = false, .debug = true});
}

}  // namespace

BOOST_AUTO_TEST_CASE(debug_mode_is_off_unless_it_is_asked_for) {  // L24, C26
    crocus::test::run_virtual([] {
        auto& loop = event_loop::current();
        BOOST_TEST(!loop.get_debug());
        loop.set_debug(true);
        BOOST_TEST(loop.get_debug());
        loop.set_debug(false);
        BOOST_TEST(!loop.get_debug());
        BOOST_TEST((loop.slow_callback_duration() == 100ms));
    });
    run_debugged([] { BOOST_TEST(event_loop::current().get_debug()); });
}

BOOST_AUTO_TEST_CASE(debug_mode_can_be_asked_for_by_the_environment) {  // C26
    using crocus::test::in_child;
    const auto asked_by = [](const char* value) {
        return in_child([value] {
                   ::setenv("CROCUS_DEBUG", value, 1);
                   ::_exit(event_loop::current().get_debug() ? 1 : 2);
               })
            .exited_with(1);
    };
    BOOST_TEST(asked_by("1"));
    BOOST_TEST(!asked_by("0"));
    BOOST_TEST(!asked_by(""));
}

BOOST_AUTO_TEST_CASE(a_callback_that_takes_long_is_reported_with_the_place_where_it_was_registered) {  // L24
    run_debugged([] {
        auto& loop = event_loop::current();
        std::vector<crocus::exception_context> seen;
        loop.set_exception_handler([&](event_loop&, const crocus::exception_context& c) { seen.push_back(c); });
        loop.call_soon([] { advance(99ms); });
        const auto line = __LINE__ + 1;
        loop.call_soon([] { advance(100ms); });
        crocus::yield_now();
        BOOST_REQUIRE(seen.size() == 1U);
        BOOST_TEST(seen[0].message == "a callback kept the event loop from going on for 0.100 seconds");
        BOOST_TEST(seen[0].site.line() == static_cast<unsigned>(line));
        loop.set_slow_callback_duration(1s);
        loop.call_soon([] { advance(999ms); });
        crocus::yield_now();
        BOOST_TEST(seen.size() == 1U);
        loop.set_exception_handler({});
    });
}

BOOST_AUTO_TEST_CASE(each_step_of_a_task_that_takes_long_is_reported_with_its_name) {  // L24
    run_debugged([] {
        const auto reports = collect_reports();
        auto task = create_task(
            [] {
                advance(150ms);
                crocus::yield_now();
                advance(50ms);
                crocus::sleep(1h);  // waiting is not computing
                advance(50ms);
                crocus::yield_now();
                advance(250ms);
            },
            {.name = "busy"});
        task.get();
        BOOST_REQUIRE(reports->size() == 2U);
        BOOST_TEST(contains((*reports)[0], "task 'busy'"));
        BOOST_TEST(contains((*reports)[0], "0.150 seconds"));
        BOOST_TEST(contains((*reports)[1], "0.250 seconds"));
    });
}

BOOST_AUTO_TEST_CASE(steps_of_tasks_that_follow_each_other_are_told_apart) {  // L24
    run_debugged([] {
        const auto reports = collect_reports();
        crocus::gather([] { advance(60ms); }, [] { advance(60ms); }, [] { advance(60ms); });
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(in_debug_mode_the_order_is_the_same) {  // I1
    const auto log_of = [](bool debug) {
        std::string log;
        crocus::run(
            [&] {
                auto& loop = event_loop::current();
                const auto steps = [&](char c) {
                    return [&log, c] {
                        for (int i = 0; i != 3; ++i) {
                            log += c;
                            crocus::yield_now();
                        }
                    };
                };
                auto a = create_task(steps('a'));
                loop.call_soon([&] { log += '1'; });
                auto b = create_task(steps('b'), {.eager_start = true});
                loop.call_soon([&] { log += '2'; });
                a.get();
                b.get();
            },
            {.driver = std::make_unique<crocus::test::virtual_time_driver>(),
             .handle_interrupt = false,
             .debug = debug});
        return log;
    };
    BOOST_TEST(log_of(true) == log_of(false));
    BOOST_TEST(log_of(false).size() == 8U);
}

BOOST_AUTO_TEST_CASE(in_debug_mode_a_loop_refuses_what_another_thread_schedules) {  // L25
    run_debugged([] {
        auto& loop = event_loop::current();
        int refused = 0;
        bool called = false;
        std::thread([&] {
            const auto is_refused = [&](auto f) {
                try {
                    f();
                } catch (const crocus::usage_error& e) {
                    if (contains(e.what(), "call_soon_threadsafe")) ++refused;
                }
            };
            is_refused([&] { loop.call_soon([] {}); });
            is_refused([&] { loop.call_later(1s, [] {}); });
            is_refused([&] { static_cast<void>(create_task([] {}, {.loop = &loop})); });
            loop.call_soon_threadsafe([&] { called = true; });
        }).join();
        BOOST_TEST(refused == 3);
        crocus::sleep(1ms);
        BOOST_TEST(called);
    });
}

BOOST_AUTO_TEST_CASE(in_debug_mode_callbacks_may_not_even_call_what_need_not_suspend) {  // C26
    const auto errors_in = [](bool debug) {
        std::size_t errors = 0;
        crocus::run(
            [&] {
                auto& loop = event_loop::current();
                const auto reports = collect_reports();
                crocus::future<int> done;
                done.set_result(5);
                crocus::semaphore free(1);
                loop.call_soon([&] { static_cast<void>(done.get()); });
                loop.call_soon([&] {
                    free.acquire();
                    free.release();
                });
                crocus::yield_now();
                errors = reports->size();
                BOOST_TEST(done.get() == 5);  // a task may
            },
            {.driver = std::make_unique<crocus::test::virtual_time_driver>(),
             .handle_interrupt = false,
             .debug = debug});
        return errors;
    };
    BOOST_TEST(errors_in(true) == 2U);
    BOOST_TEST(errors_in(false) == 0U);
}

BOOST_AUTO_TEST_CASE(a_stop_that_debug_mode_refused_does_not_keep_the_next_one_from_working) {  // L25, L8
    event_loop loop(std::make_unique<crocus::test::virtual_time_driver>());
    loop.set_debug(true);
    bool refused = false;
    loop.call_soon([&] {
        std::thread([&] {
            try {
                loop.stop();
            } catch (const crocus::usage_error&) {
                refused = true;
            }
        }).join();
        loop.stop();
    });
    loop.run_forever();
    BOOST_TEST(refused);
}
