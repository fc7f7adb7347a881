#define BOOST_TEST_MODULE event_loop_forks
#include <crocus/event_loop.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/child.hpp"
#include "support/loop_tests.hpp"

extern "C" __attribute__((weak)) void __lsan_disable();       // NOLINT: the names are the sanitizers'
extern "C" __attribute__((weak)) void __tsan_acquire(void*);  // NOLINT

using crocus::create_task;
using crocus::event_loop;
using crocus::test::child_end;
using crocus::test::contains;
using crocus::test::in_child;
using namespace std::chrono_literals;

namespace {

event_loop& loop() { return event_loop::current(); }

/// ThreadSanitizer, after a fork: it starts no threads and brings no signals.
const bool half_blind = &__tsan_acquire != nullptr;

/// What a child finds. It cannot use the test's macros: their log is the parent's.
void require(bool condition, const char* what) {
    if (condition) return;
    std::printf("in the child: not %s\n", what);
    std::fflush(stdout);
    ::_exit(1);
}

void check(const child_end& end) { BOOST_TEST(end.exited_with(0), end.output); }

void no_leaks() {
    if (&__lsan_disable != nullptr) __lsan_disable();  // what exit() leaves behind is no leak
}

/// "usage_error: ..." and the like, of what `f` throws.
template <class F>
std::string error_of(F f) {
    try {
        f();
        return "none";
    } catch (...) {
        return crocus::describe(std::current_exception());
    }
}

/// A loop that works: tasks, timers, other threads.
void require_a_working_loop() {
    auto t = create_task([] {
        crocus::sleep(1us);
        return 5;
    });
    require(t.get() == 5, "a task that sleeps and returns");
    const auto [a, b] = crocus::gather([] { return 1; }, [] { return 2; });
    require(a + b == 3, "gather");
    if (!half_blind) require(crocus::to_thread([] { return 6; }) == 6, "to_thread");
}

/// Forks as a user would, and returns twice.
pid_t fork_flushed() {
    std::fflush(nullptr);
    return ::fork();
}

/// How often the loop asks the kernel while nothing happens but a timer: once, unless somebody woke it.
int polls_of_a_sleep() {
    int polls = 0;
    event_loop::current().set_wake_hook([&] { ++polls; });
    crocus::sleep(1ms);
    event_loop::current().set_wake_hook(nullptr);
    return polls;
}

int status_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

}  // namespace

// -------------------------------------------------------------------------------------------------------- the new loop

BOOST_AUTO_TEST_CASE(a_child_has_no_loop_and_makes_its_own) {  // L30, L1, users' T20
    crocus::run([] {
        const auto id = loop().id();
        check(in_child([&] {
            require(event_loop::current_if_any() == nullptr, "without a loop");
            require(!event_loop::in_task(), "outside of any task");
            require(loop().id() != id, "a loop of its own");
            require(crocus::all_tasks().empty(), "without tasks");
            require(crocus::current_task().name() == "the main flow", "a main flow");
            require_a_working_loop();
        }));
        BOOST_TEST(loop().id() == id);
    });
}

BOOST_AUTO_TEST_CASE(a_child_may_run_wherever_its_parent_forked) {  // L30, users' T20
    const auto runs = [] {
        check(in_child([] {
            crocus::run([] { require_a_working_loop(); });
            require_a_working_loop();
            crocus::run([] { require_a_working_loop(); });
        }));
    };
    runs();
    create_task(runs).get();  // of the main thread's own loop
    crocus::run([&] {
        runs();
        create_task(runs).get();
        loop().call_soon(runs);
        crocus::yield_now();
        crocus::generator<int> g = [&](auto& yield) {
            runs();
            yield(1);
        };
        static_cast<void>(g.next());
        crocus::coroutine<void> c = [] { check(in_child([] { crocus::run([] { require_a_working_loop(); }); })); };
        BOOST_TEST(c.send().finished());
    });
}

BOOST_AUTO_TEST_CASE(a_child_of_any_thread_and_a_childs_child_have_loops_of_their_own) {  // L30
    std::optional<child_end> end;
    std::thread([&] {
        create_task([&] {
            end = in_child([] {
                require_a_working_loop();
                const pid_t grandchild = fork_flushed();
                if (grandchild == 0) {
                    require(event_loop::current_if_any() == nullptr, "without a loop");
                    require_a_working_loop();
                    ::_exit(0);
                }
                require(status_of(grandchild) == 0, "a grandchild that works");
                require_a_working_loop();
            });
        }).get();
    }).join();
    check(*end);
}

BOOST_AUTO_TEST_CASE(a_child_keeps_the_context_of_who_forked) {  // L30
    crocus::run([] {
        static crocus::context_var<int> number("number", 0);
        create_task([] {
            static_cast<void>(number.set(5));
            check(in_child([] {
                require(number.get() == 5, "the task's value");
                require(create_task([] { return number.get(); }).get() == 5, "copied to a task");
            }));
        }).get();
    });
}

// --------------------------------------------------------------------------------------------------- the parent's
// tasks

BOOST_AUTO_TEST_CASE(the_parents_tasks_do_not_run_in_a_child) {  // L30, users' T20
    crocus::run([] {
        const pid_t parent = ::getpid();
        const auto at_home = [&](const char* what) { require(::getpid() == parent, what); };
        bool child_ended = false;
        auto ready = create_task([&] {
            while (!child_ended) {
                crocus::yield_now();
                at_home("a task's step in the child");
            }
        });
        auto unstarted = create_task([&] { at_home("a task's beginning in the child"); });
        auto waiting = create_task([&] {
            crocus::sleep(2ms);
            at_home("a timer's end in the child");
        });
        auto handle = loop().call_soon([&] { at_home("a callback in the child"); });
        create_task([&] {
            check(in_child([] {
                crocus::sleep(5ms);
                require_a_working_loop();
            }));
            child_ended = true;
        }).get();
        ready.get();
        unstarted.get();
        waiting.get();
    });
}

BOOST_AUTO_TEST_CASE(run_returns_in_a_child_that_returns_from_it_and_ends_nothing_of_the_parents) {  // L30
    const auto end = in_child([] {
        no_leaks();
        const pid_t parent = ::getpid();
        struct goodbye {
            pid_t of;
            ~goodbye() { std::puts(::getpid() == of ? "parent's" : "child's"); }
        };
        const pid_t child = crocus::run([&] {
            static_cast<void>(create_task([&] {
                const goodbye g{parent};
                crocus::sleep(24h);
            }));
            crocus::yield_now();
            const pid_t forked = fork_flushed();
            if (forked == 0) crocus::sleep(1us);  // it has begun a loop
            if (forked != 0) require(status_of(forked) == 0, "a child that returned from run");
            return forked;
        });
        if (child != 0) return;
        require(event_loop::current_if_any() != nullptr, "the child's loop");
        require_a_working_loop();
        std::fflush(stdout);
        std::exit(0);
    });
    check(end);
    BOOST_TEST(end.output == "parent's\n");
}

BOOST_AUTO_TEST_CASE(a_child_may_exit_wherever_its_parent_forked) {  // L30
    const auto exits = [] {
        for (const bool with_a_loop : {false, true}) {
            const pid_t child = fork_flushed();
            if (child == 0) {
                if (with_a_loop) require_a_working_loop();
                std::exit(3);
            }
            require(status_of(child) == 3 << 8, "a child that exits with 3");
        }
    };
    check(in_child([&] {
        no_leaks();
        exits();
        create_task(exits).get();
        crocus::run([&] {
            auto waiting = create_task([] { crocus::sleep(24h); });
            exits();
            create_task(exits).get();
            loop().call_soon(exits);
            crocus::yield_now();
        });
    }));
}

BOOST_AUTO_TEST_CASE(a_child_that_returns_from_a_task_of_its_parents_ends_with_a_message) {  // L30
    for (const bool with_a_loop : {false, true})
        for (const bool others_ready : {false, true}) {
            const auto end = in_child([&] {
                crocus::run([&] {
                    const pid_t parent = ::getpid();
                    pid_t child = 0;
                    auto forking = create_task([&] {
                        child = fork_flushed();
                        if (child == 0 && with_a_loop) crocus::sleep(1us);
                    });
                    if (others_ready) create_task([&] { require(::getpid() == parent, "at home"); }).get();
                    forking.get();
                    require(::getpid() == parent, "at home");
                    require(WIFSIGNALED(status_of(child)), "killed");
                });
            });
            check(end);
            BOOST_TEST(contains(end.output, "forked in a task or a callback has returned from it"));
        }
}

BOOST_AUTO_TEST_CASE(a_child_that_returns_from_a_callback_of_its_parents_ends_with_a_message) {  // L30
    const auto end = in_child([] {
        crocus::run([] {
            const pid_t parent = ::getpid();
            pid_t child = 0;
            loop().call_soon([&] { child = fork_flushed(); });
            loop().call_soon([&] { require(::getpid() == parent, "at home"); });
            crocus::yield_now();
            require(::getpid() == parent, "at home");
            require(WIFSIGNALED(status_of(child)), "killed");
        });
    });
    check(end);
    BOOST_TEST(contains(end.output, "forked in a task or a callback has returned from it"));
}

// --------------------------------------------------------------------------------------------------- the parent's
// handles

BOOST_AUTO_TEST_CASE(what_is_the_parents_is_refused_in_a_child_by_errors_that_say_so) {  // L30, users' T20
    crocus::run([] {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        crocus::fd owned(ends[0]);
        crocus::future<int> pending;
        auto waiting = create_task([&] { return pending.get(); });
        auto sleeping = create_task([] { crocus::sleep(24h); });
        auto done = create_task([] { return 7; });
        done.get();
        auto& parents = loop();
        const auto ref = parents.ref();
        crocus::coroutine<void> begun = [] { crocus::sleep(1h); };
        begun.send();
        check(in_child([&] {
            const auto refused = [](const std::string& error) {
                const bool named = contains(error, "forked from");
                require(named, error.c_str());
            };
            refused(error_of([&] { pending.get(); }));
            refused(error_of([&] { waiting.get(); }));
            refused(error_of([&] { crocus::gather([&] { waiting.get(); }); }));
            refused(error_of([&] { pending.set_result(1); }));
            refused(error_of([&] { pending.cancel(); }));
            refused(error_of([&] { waiting.cancel(); }));
            refused(error_of([&] { sleeping.cancel(); }));
            refused(error_of([&] { owned.wait_readable(); }));
            refused(error_of([&] { parents.call_soon([] {}); }));
            refused(error_of([&] { parents.call_later(1ms, [] {}); }));
            refused(error_of([&] { parents.add_reader(ends[1], [] {}); }));
            refused(error_of([&] { parents.add_signal_handler(SIGUSR1, [] {}); }));
            require(contains(error_of([&] { begun.send(); }), "wrong_loop"), "another loop's coroutine");
            const auto held = std::make_shared<int>(0);
            require(!ref.call_soon([held] {}), "a post that is refused");
            require(held.use_count() == 1, "destroyed");
            ref.wake();
            require(done.result() == 7, "a result that was there");
            owned.close();
        }));
        BOOST_TEST(polls_of_a_sleep() == 1);  // nobody has woken it
        BOOST_REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        owned.wait_readable();
        ::close(ends[1]);
        pending.set_result(1);
        BOOST_TEST(waiting.get() == 1);
        begun.close();
    });
}

// ----------------------------------------------------------------------------------------------- the kernel's objects

BOOST_AUTO_TEST_CASE(a_child_does_not_touch_its_parents_epoll) {  // L30, users' T20
    crocus::run([] {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        crocus::fd owned(ends[0]);
        int watched[2];
        BOOST_REQUIRE(::pipe2(watched, O_CLOEXEC) == 0);
        int calls = 0;
        loop().add_reader(watched[0], [&] {
            ++calls;
            loop().remove_reader(watched[0]);
        });
        auto reading = create_task([&] { owned.wait_readable(); });
        crocus::sleep(1us);
        check(in_child([&] {
            // The same numbers, other files; and the same files.
            int own[2];
            require(::pipe(own) == 0, "a pipe");
            loop().add_reader(watched[0], [] {});
            loop().remove_reader(watched[0]);
            loop().add_reader(own[0], [] {});
            crocus::fd same(::dup(ends[0]));
            auto never = create_task([&] { same.wait_readable(); });
            crocus::sleep(1ms);
            never.cancel();
            ::close(own[0]);
            require_a_working_loop();
        }));
        BOOST_TEST(polls_of_a_sleep() == 1);  // no event has come
        BOOST_REQUIRE(::write(watched[1], "x", 1) == 1);
        BOOST_REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        reading.get();
        while (calls == 0) crocus::sleep(1us);
        BOOST_TEST(calls == 1);
        for (const int fd : {ends[1], watched[0], watched[1]}) ::close(fd);
    });
}

BOOST_AUTO_TEST_CASE(a_child_has_the_signal_handlers_that_were_there_before_the_loops) {  // L30, L29
    crocus::run([] {
        int calls = 0;
        loop().add_signal_handler(SIGUSR1, [&] { ++calls; });
        BOOST_TEST(in_child([] { std::raise(SIGUSR1); }).killed_by(SIGUSR1));
        BOOST_TEST(in_child([] { std::raise(SIGINT); }).killed_by(SIGINT));
        check(in_child([] {
            int own = 0;
            loop().add_signal_handler(SIGUSR1, [&] { ++own; });
            std::raise(SIGUSR1);
            crocus::sleep(1us);
            require(half_blind || own == 1, "its own handler");
            loop().remove_signal_handler(SIGUSR1);
            struct sigaction now {};
            require(::sigaction(SIGUSR1, nullptr, &now) == 0 && now.sa_handler == SIG_DFL, "the default again");
        }));
        BOOST_TEST(polls_of_a_sleep() == 1);
        BOOST_TEST(calls == 0);
        std::raise(SIGUSR1);
        crocus::sleep(1us);
        BOOST_TEST(calls == 1);
    });
}
