#define BOOST_TEST_MODULE run_runner
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <crocus/context_var.hpp>
#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/child.hpp"
#include "../support/loop_tests.hpp"
#include "../support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::runner;
using crocus::test::cancellation_of;
using crocus::test::contains;
using namespace std::chrono_literals;

namespace {

crocus::run_options virtual_time() {
    return {.driver = std::make_unique<crocus::test::virtual_time_driver>(), .handle_interrupt = false};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_runner_runs_functions_one_after_the_other_in_one_loop) {  // C19
    runner r(virtual_time());
    const auto id = [] { return event_loop::current().id(); };
    const auto first = r.run(id);
    BOOST_TEST(r.run(id) == first);
    BOOST_TEST(r.get_loop().id() == first);
    int target = 0;
    r.run([&]() -> int& { return target; }) = 7;
    BOOST_TEST(target == 7);
    BOOST_CHECK_THROW(r.run([] { throw std::runtime_error("inside"); }), std::runtime_error);
    BOOST_TEST(event_loop::current_if_any() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_runners_loop_is_made_when_it_is_first_asked_for) {  // C19
    runner r(virtual_time());
    auto& loop = r.get_loop();
    BOOST_TEST(!loop.is_running());
    BOOST_TEST((r.run([] { return &event_loop::current(); }) == &loop));
    runner never_used;
}

BOOST_AUTO_TEST_CASE(the_functions_of_a_runner_share_one_context) {  // C19
    crocus::context_var<int> v("v", 0);
    v.set(1);
    runner r(virtual_time());
    r.run([&] {
        BOOST_TEST(v.get() == 1);
        v.set(2);
    });
    BOOST_TEST(v.get() == 1);
    BOOST_TEST(r.run([&] { return v.get(); }) == 2);
}

BOOST_AUTO_TEST_CASE(tasks_that_a_function_leaves_go_on_in_the_next_and_are_cancelled_at_the_end) {  // C19
    std::string log;
    {
        runner r(virtual_time());
        r.run([&] {
            static_cast<void>(create_task([&] {
                crocus::sleep(1s);
                log += "slept ";
                log += cancellation_of([] { crocus::sleep(1h); });
            }));
            crocus::yield_now();
        });
        BOOST_TEST(log.empty());
        r.run([] { crocus::sleep(2s); });
        BOOST_TEST(log == "slept ");
    }
    BOOST_TEST(log == "slept the event loop is shut down");
}

BOOST_AUTO_TEST_CASE(a_closed_runner_says_so_and_may_be_closed_again) {  // C19
    runner r(virtual_time());
    r.run([] {});
    r.close();
    r.close();
    const auto says_so = [](const crocus::usage_error& e) { return contains(e.what(), "the runner is closed"); };
    BOOST_CHECK_EXCEPTION(r.run([] {}), crocus::usage_error, says_so);
    BOOST_CHECK_EXCEPTION(static_cast<void>(r.get_loop()), crocus::usage_error, says_so);
}

BOOST_AUTO_TEST_CASE(a_runner_can_be_neither_run_nor_closed_inside_its_own_run) {  // C19
    runner r(virtual_time());
    r.run([&] {
        BOOST_CHECK_THROW(r.run([] {}), crocus::usage_error);
        BOOST_CHECK_THROW(r.close(), crocus::usage_error);
        runner other;
        BOOST_CHECK_EXCEPTION(other.run([] {}), crocus::usage_error,
                              [](const auto& e) { return contains(e.what(), "call the function itself"); });
    });
    BOOST_TEST(r.run([] { return 1; }) == 1);
}

BOOST_AUTO_TEST_CASE(a_runner_that_could_not_be_closed_inside_another_run_is_closed_afterwards) {  // C19
    runner r(virtual_time());
    std::string log;
    r.run([&] {
        static_cast<void>(create_task([&] { log = cancellation_of([] { crocus::sleep(1h); }); }));
        crocus::yield_now();
    });
    crocus::run([&] { BOOST_CHECK_THROW(r.close(), crocus::usage_error); });
    BOOST_TEST(log.empty());
    r.close();
    BOOST_TEST(log == "the event loop is shut down");
}

BOOST_AUTO_TEST_CASE(an_interrupt_cancels_the_function_that_a_runner_runs_now) {  // C19, C20
    const auto end = crocus::test::in_child([] {
        runner r;
        for (int i = 0; i != 2; ++i)
            std::puts(r.run([] {
                           event_loop::current().call_soon([] { std::raise(SIGINT); });
                           return cancellation_of([] { crocus::sleep(1h); });
                       }).c_str());
        std::fflush(stdout);
        struct sigaction now {};
        ::sigaction(SIGINT, nullptr, &now);
        if (now.sa_handler != SIG_DFL) std::puts("not given back");
        const struct goodbye {
            ~goodbye() { std::puts("cleaned up"); }
        } g;
        r.run([] {
            static_cast<void>(create_task([] {
                cancellation_of([] { crocus::sleep(1h); });
                std::puts("task ended");
            }));
            event_loop::current().call_soon([] { std::raise(SIGINT); });
            crocus::sleep(1h);
        });
        std::puts("not reached");
    });
    BOOST_TEST(end.killed_by(SIGINT));
    BOOST_TEST(end.output == "interrupted (SIGINT)\ninterrupted (SIGINT)\ntask ended\n");
}
