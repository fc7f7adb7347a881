#define BOOST_TEST_MODULE event_loop_signals
#include <crocus/event_loop.hpp>

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <crocus/context_var.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/child.hpp"
#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::contains;
using crocus::test::in_child;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

event_loop& loop() { return event_loop::current(); }

using handler = void (*)(int);

handler handler_of(int signal) {
    struct sigaction now {};
    BOOST_REQUIRE(::sigaction(signal, nullptr, &now) == 0);
    return now.sa_handler;
}

std::atomic<int> own{0};
void own_handler(int) { ++own; }

}  // namespace

// -------------------------------------------------------------------------------------------------------- the callback

BOOST_AUTO_TEST_CASE(a_signal_calls_back_in_the_loop) {  // L29
    run_virtual([] {
        std::string log;
        loop().add_signal_handler(SIGUSR1, [&] { log += event_loop::in_task() ? "task " : "callback "; });
        std::raise(SIGUSR1);
        BOOST_TEST(log.empty());  // not where it interrupts
        crocus::sleep(1ms);
        BOOST_TEST(log == "callback ");
        std::raise(SIGUSR1);
        crocus::sleep(1ms);
        BOOST_TEST(log == "callback callback ");
    });
}

BOOST_AUTO_TEST_CASE(a_signal_wakes_a_loop_that_sleeps_on_whatever_thread_it_comes) {  // L29, users' T19
    crocus::run([] {
        crocus::future<void> came;
        loop().add_signal_handler(SIGUSR1, [&] { came.set_result(); });
        std::thread other([] { ::pthread_kill(::pthread_self(), SIGUSR1); });
        came.get();
        other.join();
        came = crocus::future<void>();
        std::thread to_process([] { ::kill(::getpid(), SIGUSR1); });
        came.get();
        to_process.join();
    });
}

BOOST_AUTO_TEST_CASE(arrivals_before_the_callback_runs_are_one_call) {  // L29
    run_virtual([] {
        int calls = 0;
        loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
        for (int i = 0; i != 10; ++i) std::raise(SIGUSR1);
        crocus::sleep(1ms);
        BOOST_TEST(calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_signal_that_comes_while_its_callback_runs_calls_again) {  // L29
    run_virtual([] {
        int calls = 0;
        loop().add_signal_handler(SIGUSR1, [&] {
            if (++calls == 1) std::raise(SIGUSR1);
        });
        std::raise(SIGUSR1);
        crocus::sleep(1ms);
        BOOST_TEST(calls == 2);
    });
}

BOOST_AUTO_TEST_CASE(each_signal_has_its_callback_and_a_second_one_takes_its_place) {  // L29
    run_virtual([] {
        std::string log;
        loop().add_signal_handler(SIGUSR1, [&] { log += '-'; });
        loop().add_signal_handler(SIGUSR2, [&] { log += '2'; });
        loop().add_signal_handler(SIGUSR1, [&] { log += '1'; });
        std::raise(SIGUSR2);
        std::raise(SIGUSR1);
        crocus::sleep(1ms);
        BOOST_TEST(log == "12");
    });
}

BOOST_AUTO_TEST_CASE(a_callback_of_a_signal_throws_captures_and_goes_as_others_do) {  // L29, L13, L18
    static crocus::context_var<int> number("number", 0);
    const auto held = std::make_shared<int>(0);
    run_virtual([&] {
        const auto reports = collect_reports();
        int seen = 0;
        {
            const crocus::context_scope scope(number.set(7));
            loop().add_signal_handler(SIGUSR1, [&, held] {
                seen = number.get();
                throw std::runtime_error("here");
            });
        }
        std::raise(SIGUSR1);
        crocus::sleep(1ms);
        BOOST_TEST(seen == 7);
        BOOST_REQUIRE(reports->size() == 1U);
        BOOST_TEST(contains(reports->front(), "std::runtime_error: here"));
        BOOST_TEST(held.use_count() == 2);
    });
    BOOST_TEST(held.use_count() == 1);
}

// -------------------------------------------------------------------------------------------------------------- its
// end

BOOST_AUTO_TEST_CASE(what_was_there_before_is_there_again) {  // L29
    run_virtual([] {
        loop().add_signal_handler(SIGUSR1, [] {});
        BOOST_TEST((handler_of(SIGUSR1) != SIG_DFL));
        BOOST_TEST(loop().remove_signal_handler(SIGUSR1));
        BOOST_TEST((handler_of(SIGUSR1) == SIG_DFL));
        BOOST_TEST(!loop().remove_signal_handler(SIGUSR1));
        BOOST_TEST(!loop().remove_signal_handler(SIGUSR2));
        BOOST_TEST(!loop().remove_signal_handler(-1));

        std::signal(SIGUSR1, own_handler);
        loop().add_signal_handler(SIGUSR1, [] {});
        loop().add_signal_handler(SIGUSR1, [] {});
        std::raise(SIGUSR1);
        BOOST_TEST(own == 0);
        loop().remove_signal_handler(SIGUSR1);
        std::raise(SIGUSR1);
        BOOST_TEST(own == 1);
        std::signal(SIGUSR1, SIG_DFL);
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_somebody_put_over_it_stays) {  // L29
    run_virtual([] {
        loop().add_signal_handler(SIGUSR1, [] {});
        std::signal(SIGUSR1, own_handler);
        loop().remove_signal_handler(SIGUSR1);
        BOOST_TEST((handler_of(SIGUSR1) == own_handler));
        std::signal(SIGUSR1, SIG_DFL);
    });
}

BOOST_AUTO_TEST_CASE(a_callback_that_was_removed_before_it_ran_does_not_run) {  // L29
    run_virtual([] {
        int calls = 0;
        loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
        std::raise(SIGUSR1);
        loop().remove_signal_handler(SIGUSR1);
        loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
        crocus::sleep(1ms);
        BOOST_TEST(calls == 0);
        // One removes the other: whichever runs first.
        loop().add_signal_handler(SIGUSR1, [&] { ++calls, loop().remove_signal_handler(SIGUSR2); });
        loop().add_signal_handler(SIGUSR2, [&] { ++calls, loop().remove_signal_handler(SIGUSR1); });
        std::raise(SIGUSR1);
        std::raise(SIGUSR2);
        crocus::sleep(1ms);
        BOOST_TEST(calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_the_loop_removes_all) {  // L29, L9
    run_virtual([] {
        loop().add_signal_handler(SIGUSR1, [] {});
        loop().add_signal_handler(SIGUSR2, [] {});
    });
    BOOST_TEST((handler_of(SIGUSR1) == SIG_DFL));
    BOOST_TEST((handler_of(SIGUSR2) == SIG_DFL));
}

BOOST_AUTO_TEST_CASE(of_two_loops_the_newer_one_has_the_signal_and_either_may_end_first) {  // L29
    for (const bool older_first : {true, false}) {
        std::string log;
        auto older = std::make_unique<event_loop>();
        auto newer = std::make_unique<event_loop>();
        older->add_signal_handler(SIGUSR1, [] {});
        newer->add_signal_handler(SIGUSR1, [] {});
        (older_first ? older : newer).reset();
        BOOST_TEST((handler_of(SIGUSR1) != SIG_DFL));
        run_virtual([&] {
            loop().add_signal_handler(SIGUSR1, [&] { log += "newest"; });
            std::raise(SIGUSR1);
            crocus::sleep(1ms);
        });
        BOOST_TEST(log == "newest");
        (older_first ? newer : older).reset();
        BOOST_TEST((handler_of(SIGUSR1) == SIG_DFL));
    }
}

BOOST_AUTO_TEST_CASE(handlers_come_and_go_while_signals_rain) {  // L29, users' T19
    std::atomic<bool> done{false};
    crocus::run([&] {
        std::atomic<int> calls{0};
        loop().add_signal_handler(SIGUSR1, [] {});  // the last one is not to go while some are on their way
        std::thread rain([&] {
            while (!done) ::kill(::getpid(), SIGUSR1);
        });
        for (int i = 0; i != 200; ++i) {
            const int before = calls;
            event_loop other;
            other.add_signal_handler(SIGUSR1, [] {});
            loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
            other.remove_signal_handler(SIGUSR1);
            while (calls == before) crocus::yield_now();
        }
        done = true;
        rain.join();
    });
}

// -------------------------------------------------------------------------------------------------------------
// refusals

BOOST_AUTO_TEST_CASE(what_is_no_signal_or_cannot_be_caught_is_an_error_that_names_it) {  // L29
    run_virtual([] {
        const auto names = [](const std::string& text) {
            return [text](const std::exception& e) { return contains(e.what(), text); };
        };
        BOOST_CHECK_EXCEPTION(loop().add_signal_handler(0, [] {}), std::invalid_argument, names("signal 0"));
        BOOST_CHECK_EXCEPTION(loop().add_signal_handler(-1, [] {}), std::invalid_argument, names("signal -1"));
        BOOST_CHECK_EXCEPTION(loop().add_signal_handler(1000, [] {}), std::invalid_argument, names("signal 1000"));
        BOOST_CHECK_EXCEPTION(loop().add_signal_handler(SIGKILL, [] {}), std::system_error, names("signal 9 cannot"));
        BOOST_CHECK_EXCEPTION(loop().add_signal_handler(SIGSTOP, [] {}), std::system_error, names("cannot be caught"));
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
            BOOST_CHECK_EXCEPTION(loop().add_signal_handler(fault, [] {}), crocus::usage_error, names("fault"));
        BOOST_TEST(!loop().remove_signal_handler(SIGKILL));
    });
}

BOOST_AUTO_TEST_CASE(signal_handlers_are_the_main_threads) {  // L29
    std::string what;
    std::thread([&] {
        try {
            loop().add_signal_handler(SIGUSR1, [] {});
        } catch (const crocus::usage_error& e) {
            what = e.what();
        }
        if (loop().remove_signal_handler(SIGUSR1)) what += "removed";
    }).join();
    BOOST_TEST(contains(what, "main thread"));
    BOOST_TEST(!contains(what, "removed"));
    BOOST_TEST((handler_of(SIGUSR1) == SIG_DFL));
}

// -------------------------------------------------------------------------------------------------------------- Ctrl-C

BOOST_AUTO_TEST_CASE(a_handler_of_ones_own_for_ctrl_c_comes_before_that_of_run) {  // L29, C20
    std::string log;
    crocus::run([&] {
        loop().add_signal_handler(SIGINT, [&] { log += "own "; });
        std::raise(SIGINT);
        crocus::sleep(1ms);  // not cancelled
        std::raise(SIGINT);
        crocus::sleep(1ms);  // nor killed
        loop().remove_signal_handler(SIGINT);
        std::raise(SIGINT);
        log += cancellation_of([] { crocus::sleep(1h); });
    });
    BOOST_TEST(log == "own own interrupted (SIGINT)");
    BOOST_TEST((handler_of(SIGINT) == SIG_DFL));
}

BOOST_AUTO_TEST_CASE(a_handler_of_ones_own_for_ctrl_c_serves_the_clean_up_too) {  // L29, C20
    const auto end = in_child([] {
        crocus::run([] {
            loop().add_signal_handler(SIGINT, [] { std::puts("own"); });
            static_cast<void>(create_task([] {
                cancellation_of([] { crocus::sleep(1h); });
                std::raise(SIGINT);
                crocus::sleep(1ms);
                std::puts("cleaned");
            }));
            crocus::yield_now();
        });
        std::fflush(stdout);
        std::raise(SIGINT);
    });
    BOOST_TEST(end.output == "own\ncleaned\n");
    BOOST_TEST(end.killed_by(SIGINT));
}

BOOST_AUTO_TEST_CASE(a_system_call_that_a_handled_signal_interrupts_goes_on) {  // L29
    run_virtual([] {
        loop().add_signal_handler(SIGUSR1, [] {});
        struct sigaction now {};
        BOOST_REQUIRE(::sigaction(SIGUSR1, nullptr, &now) == 0);
        BOOST_TEST((now.sa_flags & SA_RESTART) != 0);
        BOOST_TEST((now.sa_flags & SA_ONSTACK) != 0);  // a task's stack may be small
    });
}
