// What a program says when a stack overflows, and how it ends then. No fiber is used but in children, so that each is a
// process that has taken no stack before.
#define BOOST_TEST_MODULE stack_overflow
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <regex>
#include <source_location>
#include <string>
#include <thread>

#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/stack.hpp>
#include <crocus/task.hpp>

#include "support/child.hpp"
#include "support/unprobed_frames.hpp"

extern "C" __attribute__((weak)) void __sanitizer_print_stack_trace();  // NOLINT: the sanitizers' name
extern "C" __attribute__((weak)) void __tsan_acquire(void*);            // NOLINT

namespace {

using crocus::generator;
using crocus::test::child_end;
using crocus::test::handlers;
using crocus::test::in_child;

constexpr std::size_t KiB = 1024;
constexpr std::size_t stack_of_fiber = 100 * KiB;
constexpr int guard_install = 102;

// Sanitizers see to faults themselves; ThreadSanitizer also gives handlers another errno.
const bool sanitized = &__sanitizer_print_stack_trace != nullptr;
const bool sanitized_for_threads = &__tsan_acquire != nullptr;

bool old_kernel = false;  // one that does not know MADV_GUARD_INSTALL

}  // namespace

extern "C" __attribute__((visibility("default"))) int madvise(void* address, std::size_t size, int advice) noexcept {
    if (advice == guard_install && old_kernel) {
        errno = EINVAL;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_madvise, address, size, advice));
}

namespace {

volatile bool never = false;

[[gnu::noinline]] int recurse_for_ever(int depth = 0) {
    volatile char frame[512];
    frame[depth % 512] = 1;
    return never ? depth : recurse_for_ever(depth + 1) + frame[depth % 512];
}

[[gnu::noinline, gnu::no_sanitize_address]] __attribute__((no_sanitize("undefined"))) void fault_at(void* place) {
    asm volatile("" : "+r"(place));  // the compiler is not to know that it is wrong
    *static_cast<volatile char*>(place) = 1;
}
void follow_a_null_pointer() { fault_at(nullptr); }

constexpr unsigned line_of_generator = std::source_location::current().line() + 2;
generator<int> that_calls(void (*f)()) {
    return [f](auto& yield) {
        yield(1);
        f();
    };
}

void overflow_in_a_generator() {
    auto g = that_calls([] { recurse_for_ever(); });
    g.next();
    g.next();
}

/// Calls f on a fiber, which must not come back.
void on_a_fiber(void (*f)()) {
    crocus::fiber runs(
        crocus::stack(stack_of_fiber), [](crocus::fiber&, void* argument) { (*static_cast<void (**)()>(argument))(); },
        &f);
    runs.enter();
}

/// Runs f on a task of that name.
void on_a_task(const std::string& name, void (*f)()) {
    crocus::run([&] { crocus::create_task(f, {.name = name, .stack_size = stack_of_fiber}).get(); });
}

bool matches(const child_end& child, const std::string& pattern) {
    const bool found = std::regex_search(child.output, std::regex(pattern));
    if (!found) BOOST_TEST_MESSAGE(child.output);
    return found;
}

std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void handle_faults(void (*handler)(int, siginfo_t*, void*), int flags = SA_SIGINFO | SA_ONSTACK) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    ::sigaction(SIGSEGV, &action, nullptr);
}

void say(const char* text) { static_cast<void>(!::write(STDOUT_FILENO, text, std::strlen(text))); }

struct guard_kind {
    const char* name;
    bool on_an_old_kernel;
};
std::ostream& operator<<(std::ostream& out, const guard_kind& kind) { return out << kind.name; }

const guard_kind guards[] = {{"MADV_GUARD_INSTALL", false}, {"mprotect", true}};

/// A child whose guards are of this kind.
template <class F>
child_end with_guards(const guard_kind& kind, F f) {
    return in_child([&] {
        old_kernel = kind.on_an_old_kernel;
        f();
    });
}

}  // namespace

// users_ask T1
BOOST_DATA_TEST_CASE(a_generator_that_recurses_for_ever_is_named_with_its_place_and_dies_of_SIGSEGV, guards) {
    const auto child = with_guards(sample, overflow_in_a_generator);
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow in generator \\(made at .*overflow\\.cpp:" +
                                  std::to_string(line_of_generator) + "\\): its stack of [0-9]+ bytes ran into"));
    BOOST_TEST(matches(child, "with_big_stack"));
}

BOOST_DATA_TEST_CASE(a_plain_fiber_that_recurses_for_ever_is_reported_and_dies_of_SIGSEGV, guards) {
    const auto child = with_guards(sample, [] { on_a_fiber([] { recurse_for_ever(); }); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow in a fiber: its stack of [0-9]+ bytes"));
}

BOOST_DATA_TEST_CASE(frames_of_8_KiB_that_touch_their_far_end_hit_the_guard, guards) {
    const auto child = with_guards(sample, [] { on_a_fiber(crocus::test::recurse_in_frames_of_8_KiB); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow"));
}

BOOST_DATA_TEST_CASE(frames_of_32_KiB_that_touch_their_far_end_hit_the_guard, guards) {
    const auto child = with_guards(sample, [] { on_a_fiber(crocus::test::recurse_in_frames_of_32_KiB); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow"));
}

BOOST_AUTO_TEST_CASE(the_report_has_the_name_of_a_task_its_place_and_the_size_of_its_stack) {
    const auto child = in_child([] { on_a_task("parse", [] { recurse_for_ever(); }); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "task 'parse' \\(made at .*overflow\\.cpp:[0-9]+\\): its stack of [0-9]+ bytes"));
    std::smatch found;
    BOOST_REQUIRE(std::regex_search(child.output, found, std::regex("stack of ([0-9]+) bytes")));
    BOOST_TEST(std::stoul(found[1]) >= stack_of_fiber);
}

BOOST_AUTO_TEST_CASE(a_task_without_a_name_has_its_number) {
    const auto child = in_child([] { on_a_task("", [] { recurse_for_ever(); }); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "task 'Task-[0-9]+' \\(made at"));
}

BOOST_AUTO_TEST_CASE(a_task_that_was_renamed_while_it_ran_has_its_new_name) {
    const auto child = in_child([] {
        crocus::run([] {
            crocus::task<void>* self = nullptr;
            auto task = crocus::create_task([&] {
                self->set_name("of late");
                recurse_for_ever();
            });
            self = &task;
            task.get();
        });
    });
    BOOST_TEST(matches(child, "task 'of late'"));
}

BOOST_AUTO_TEST_CASE(a_task_on_the_stack_of_an_earlier_one_is_reported_as_itself) {
    const auto child = in_child([] {
        crocus::run([] {
            auto first = crocus::create_task([] {}, {.name = "first"});
            auto second = crocus::create_task([] { recurse_for_ever(); }, {.name = "second"});
            first.get();
            second.get();
        });
    });
    BOOST_TEST(matches(child, "task 'second'"));
}

BOOST_AUTO_TEST_CASE(an_overflow_of_a_borrowed_stack_has_the_name_of_who_borrowed_it) {
    const auto child =
        in_child([] { on_a_task("parse", [] { crocus::with_big_stack(1000 * KiB, [] { recurse_for_ever(); }); }); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "with_big_stack 'parse' \\(made at .*\\.cpp:[0-9]+\\): its stack of [0-9]{7} bytes"));
}

BOOST_AUTO_TEST_CASE(a_name_without_end_does_not_harm_the_report) {
    const auto child = in_child([] { on_a_task(std::string(100'000, 'x'), [] { recurse_for_ever(); }); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "xxx' \\(made at [^]*with_big_stack"));
}

BOOST_AUTO_TEST_CASE(the_innermost_frames_follow_and_begin_with_the_one_that_faulted) {
    const auto child = in_child(overflow_in_a_generator);
    BOOST_TEST(lines(child.output) == 2u + 16u);
    BOOST_TEST(matches(child, "frames:\n[^\n]*stack_overflow[^\n]*\n"));  // this program, not the library or libc
    BOOST_TEST(!matches(child, "frames:\n[^\n]*libc"));
}

BOOST_AUTO_TEST_CASE(an_overflow_on_another_thread_is_reported_as_well) {
    const auto child = in_child([] { std::thread(overflow_in_a_generator).join(); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow in generator"));
}

BOOST_AUTO_TEST_CASE(an_overflow_in_a_thread_local_destructor_is_reported_as_well) {
    const auto child = in_child([] {
        std::thread([] {
            struct runs_late {
                ~runs_late() { overflow_in_a_generator(); }
            };
            thread_local runs_late before_the_first_fiber;
            static_cast<void>(before_the_first_fiber);
            that_calls(nullptr).next();
        }).join();
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow in generator"));
}

BOOST_AUTO_TEST_CASE(an_overflow_after_main_is_reported_as_well) {
    const auto child = in_child([] {
        that_calls(nullptr).next();
        std::atexit(overflow_in_a_generator);
        std::exit(0);
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "crocus: stack overflow in generator"));
}

// ------------------------------------------------------------------------------------------------ what is no overflow

BOOST_AUTO_TEST_CASE(a_null_pointer_kills_as_ever_and_nothing_is_said) {
    for (const auto& child : {in_child([] { on_a_fiber(follow_a_null_pointer); }), in_child([] {
                                  that_calls(nullptr).next();  // on the thread's own flow
                                  follow_a_null_pointer();
                              })}) {
        BOOST_TEST(child.killed_by(SIGSEGV));
        BOOST_TEST(child.output == "");
    }
}

BOOST_AUTO_TEST_CASE(a_wild_pointer_into_the_guard_is_no_overflow) {
    const auto child = in_child(
        [] { on_a_fiber([] { fault_at(static_cast<std::byte*>(crocus::fiber::current().on().bottom()) - 1); }); });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(child.output == "");
}

BOOST_AUTO_TEST_CASE(a_thread_that_overflows_its_own_stack_dies_as_ever) {
    const auto child = in_child([] {
        that_calls(nullptr).next();
        recurse_for_ever();
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(child.output == "");
}

BOOST_AUTO_TEST_CASE(a_signal_that_somebody_sent_kills_as_ever) {
    const auto child = in_child([] {
        that_calls(nullptr).next();
        ::kill(::getpid(), SIGSEGV);
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(child.output == "");
}

BOOST_AUTO_TEST_CASE(a_signal_that_somebody_sent_is_ignored_where_it_was_but_a_fault_kills) {
    const auto child = in_child([] {
        ::signal(SIGSEGV, SIG_IGN);
        that_calls(nullptr).next();
        ::kill(::getpid(), SIGSEGV);
        say("alive");
        follow_a_null_pointer();
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(child.output == "alive");
}

// ------------------------------------------------------------------------------------------------- the user's handlers

namespace {

void* expected_address = nullptr;

void exit_if_as_expected(int signal, siginfo_t* info, void* context) {
    const bool as_expected = signal == SIGSEGV && info->si_addr == expected_address && info->si_code > 0 &&
                             context != nullptr && (errno == 77 || sanitized_for_threads);
    say("the user's");
    ::_exit(as_expected ? 42 : 43);
}

void exit_from_simple_handler(int signal) { ::_exit(signal == SIGSEGV ? 44 : 45); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_handler_that_was_there_before_gets_other_faults_untouched) {
    const auto child = in_child([] {
        handle_faults(exit_if_as_expected);
        on_a_fiber([] {
            expected_address = reinterpret_cast<void*>(std::uintptr_t{0x123});
            errno = 77;
            fault_at(expected_address);
        });
    });
    BOOST_TEST(child.exited_with(42));
    BOOST_TEST(child.output == "the user's");
}

BOOST_AUTO_TEST_CASE(a_handler_that_was_there_before_gets_an_overflow_after_its_report) {
    const auto child = in_child([] {
        handle_faults([](int, siginfo_t*, void*) { ::_exit(42); });
        overflow_in_a_generator();
    });
    BOOST_TEST(child.exited_with(42));
    BOOST_TEST(matches(child, "^crocus: stack overflow in generator"));
}

BOOST_AUTO_TEST_CASE(a_handler_without_siginfo_that_was_there_before_is_called) {
    const auto child = in_child([] {
        ::signal(SIGSEGV, exit_from_simple_handler);
        on_a_fiber(follow_a_null_pointer);
    });
    BOOST_TEST(child.exited_with(44));
}

BOOST_AUTO_TEST_CASE(what_a_handler_asked_to_be_blocked_is_blocked_while_it_runs) {
    const auto child = in_child([] {
        struct sigaction action {};
        action.sa_handler = [](int) {
            sigset_t blocked;
            ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
            ::_exit(::sigismember(&blocked, SIGUSR1) == 1 && ::sigismember(&blocked, SIGSEGV) == 0 ? 42 : 43);
        };
        ::sigaddset(&action.sa_mask, SIGUSR1);
        action.sa_flags = SA_NODEFER;
        ::sigaction(SIGSEGV, &action, nullptr);
        on_a_fiber(follow_a_null_pointer);
    });
    BOOST_TEST(child.exited_with(42));
}

BOOST_AUTO_TEST_CASE(a_handler_for_one_time_is_called_once) {
    const auto child = in_child([] {
        handle_faults([](int, siginfo_t*, void*) { say("once "); }, SA_SIGINFO | SA_RESETHAND);
        on_a_fiber(follow_a_null_pointer);
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(child.output == "once ");
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_installed_after_is_the_only_one_called) {
    const auto child = in_child([] {
        that_calls(nullptr).next();
        handle_faults([](int, siginfo_t*, void*) { ::_exit(42); });
        overflow_in_a_generator();
    });
    BOOST_TEST(child.exited_with(42));
    BOOST_TEST(child.output == "");
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_installed_after_and_calls_the_one_before_it_has_the_report) {
    const auto child = in_child([] {
        static struct sigaction ours;
        that_calls(nullptr).next();
        ::sigaction(SIGSEGV, nullptr, &ours);
        handle_faults([](int signal, siginfo_t* info, void* context) {
            say("the user's first\n");
            ours.sa_sigaction(signal, info, context);
        });
        overflow_in_a_generator();
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^the user's first\ncrocus: stack overflow in generator"));
}

BOOST_AUTO_TEST_CASE(a_sanitizer_has_its_say_after_the_report) {
    if (!sanitized) return;
    const auto child = in_child(overflow_in_a_generator, handlers::inherited);
    BOOST_TEST(matches(child, "^crocus: stack overflow in generator"));
    BOOST_TEST(matches(child, "Sanitizer: stack-overflow"));
}

// --------------------------------------------------------------------------------------------------- signal stacks

namespace {

stack_t signal_stack() {
    stack_t now{};
    ::sigaltstack(nullptr, &now);
    return now;
}

bool is_mapped(void* place) {
    unsigned char pages[1];
    return ::mincore(place, 1, pages) == 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_thread_with_a_fiber_has_a_guarded_signal_stack_and_none_is_left_when_it_has_ended) {
    if (sanitized) return;  // threads have one then
    const auto child = in_child([] {
        stack_t made{};
        std::thread([&] {
            if (signal_stack().ss_flags != SS_DISABLE) ::_exit(1);
            that_calls(nullptr).next();
            made = signal_stack();
            if (made.ss_flags == SS_DISABLE || made.ss_size < 64 * KiB) ::_exit(2);
            if (!is_mapped(made.ss_sp)) ::_exit(3);
        }).join();
        if (is_mapped(made.ss_sp)) ::_exit(4);
        that_calls(nullptr).next();
        say("guard");
        fault_at(static_cast<std::byte*>(signal_stack().ss_sp) - 1);
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(child.output == "guard");
}

BOOST_AUTO_TEST_CASE(a_signal_stack_of_the_users_is_kept) {
    const auto child = in_child([] {
        static std::byte users[64 * KiB];
        stack_t mine{};
        mine.ss_sp = users;
        mine.ss_size = sizeof users;
        for (const bool before : {true, false})
            std::thread([&] {
                if (before) ::sigaltstack(&mine, nullptr);
                that_calls(nullptr).next();
                if (!before) ::sigaltstack(&mine, nullptr);
                that_calls(nullptr).next();
                if (signal_stack().ss_sp != users) ::_exit(1);
                mine.ss_flags = SS_DISABLE;
                ::sigaltstack(&mine, nullptr);
                mine.ss_flags = 0;
            }).join();
        ::sigaltstack(&mine, nullptr);
        overflow_in_a_generator();
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(matches(child, "^crocus: stack overflow in generator"));
}

BOOST_AUTO_TEST_CASE(a_small_signal_stack_of_the_users_has_no_room_for_frames) {
    const auto child = in_child([] {
        static std::byte users[12 * KiB];
        stack_t mine{};
        mine.ss_sp = users;
        mine.ss_size = sizeof users;
        ::sigaltstack(&mine, nullptr);
        overflow_in_a_generator();
    });
    BOOST_TEST(child.killed_by(SIGSEGV));
    BOOST_TEST(lines(child.output) == 2u);
}
