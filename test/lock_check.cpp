// Locks that are held where a task waits. Run in programs of their own, with the library preloaded, or linked:
//
//   lock_check [Boost.Test's options] -- LIBRARY LINKED PRELOADED
#define BOOST_TEST_MODULE lock_check
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include "support/child.hpp"
#include "support/loop_tests.hpp"

using crocus::test::child_end;
using crocus::test::contains;

namespace {

const char* argument(int which) {
    const auto& arguments = boost::unit_test::framework::master_test_suite();
    BOOST_REQUIRE(arguments.argc > which);
    return arguments.argv[which];
}

child_end run(const char* what, bool debug = true) {
    return crocus::test::in_child([&] {
        ::setenv("LD_PRELOAD", argument(1), 1);
        ::setenv("CROCUS_DEBUG", debug ? "1" : "0", 1);
        ::execl(argument(3), argument(3), what, nullptr);
        ::_exit(127);
    });
}

child_end run_linked(const char* what) {
    return crocus::test::in_child([&] {
        ::setenv("CROCUS_DEBUG", "1", 1);
        ::execl(argument(2), argument(2), what, nullptr);
        ::_exit(127);
    });
}

std::size_t reports_in(const child_end& end) {
    std::size_t count = 0;
    for (auto at = end.output.find("report: "); at != std::string::npos; at = end.output.find("report: ", at + 1))
        ++count;
    return count;
}

/// It is reported once that `who` holds a mutex, locked in one function, waiting in another.
void check_report(const char* what, const std::string& who, const std::string& locked_in) {
    const child_end end = run(what);
    BOOST_TEST_CONTEXT(what << ": " << end.output) {
        BOOST_TEST(end.exited_with(0));
        BOOST_TEST(reports_in(end) == 1U);
        BOOST_TEST(contains(end.output, "report: " + who));
        const auto locked = end.output.find("Locked in: ");
        const auto waits = end.output.find("Waits in: ");
        BOOST_REQUIRE(locked != std::string::npos);
        BOOST_REQUIRE(waits != std::string::npos);
        BOOST_TEST(contains(end.output.substr(locked, waits - locked), locked_in));
        BOOST_TEST(contains(end.output.substr(waits), "probe::waits()"));
        BOOST_TEST(contains(end.output, "\nend\n"));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_mutex_that_is_held_across_a_wait_is_reported_once_with_both_places) {  // users' T10
    check_report("locks", "task 'locker'", "probe::locks_and_waits()");
    check_report("tries", "task 'locker'", "probe::tries_and_waits()");
    check_report("recursive", "task 'locker'", "probe::locks_twice_and_waits()");
}

BOOST_AUTO_TEST_CASE(a_main_flow_may_have_locked_before_its_loop_was_made) {
    check_report("main_flow", "the main flow", "probe::locks_and_waits()");
}

BOOST_AUTO_TEST_CASE(a_wait_in_a_generators_body_is_its_resumers) {
    check_report("generator", "task 'locker'", "probe::generator_body()");
}

BOOST_AUTO_TEST_CASE(who_lets_go_before_it_waits_is_not_reported_nor_who_waits_beside_it) {
    for (const char* const what : {"lets_go", "others", "condition", "executor"}) {
        const child_end end = run(what);
        BOOST_TEST_CONTEXT(what << ": " << end.output) {
            BOOST_TEST(end.exited_with(0));
            BOOST_TEST(end.output == "end\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(without_debug_mode_nothing_is_reported) {
    const child_end end = run("locks", false);
    BOOST_TEST(end.exited_with(0));
    BOOST_TEST(end.output == "end\n");
}

BOOST_AUTO_TEST_CASE(it_finds_crocus_beside_itself_for_a_program_that_has_none) {
    const child_end end = crocus::test::in_child([] {
        ::unsetenv("LD_LIBRARY_PATH");
        ::setenv("LD_PRELOAD", argument(1), 1);
        ::execl("/bin/true", "/bin/true", nullptr);
        ::_exit(127);
    });
    BOOST_TEST(end.exited_with(0));
    BOOST_TEST(end.output == "");
}

BOOST_AUTO_TEST_CASE(a_static_whose_initializer_waits_is_reported_and_who_wants_it_too_waits_for_it) {  // users' T10
    const child_end end = run("static");
    BOOST_TEST_CONTEXT(end.output) {
        BOOST_TEST(end.exited_with(0));
        BOOST_TEST(reports_in(end) == 1U);
        BOOST_TEST(contains(end.output, "task 'first'"));
        BOOST_TEST(contains(end.output, "initializes a function-local static"));
        BOOST_TEST(contains(end.output, "probe::wants_the_static()"));
        BOOST_TEST(contains(end.output, "\ninitialized\nhas it\nhas it\nend\n"));
    }
    BOOST_TEST(run("static", false).output == "initialized\nhas it\nhas it\nend\n");
}

BOOST_AUTO_TEST_CASE(who_wants_a_static_waits_as_a_task_however_many_mutexes_are_held) {
    const child_end end = run("static_beside_many_mutexes");
    BOOST_TEST_CONTEXT(end.output) {
        BOOST_TEST(end.exited_with(0));
        BOOST_TEST(contains(end.output, "initializes a function-local static"));
        BOOST_TEST(contains(end.output, "\ninitialized\nhas it\nhas it\nend\n"));
    }
}

BOOST_AUTO_TEST_CASE(a_static_that_could_not_be_initialized_is_the_next_ones_to_try) {
    BOOST_TEST(run("failing_static", false).output == "failed\nhas it\nend\n");
}

BOOST_AUTO_TEST_CASE(who_cannot_wait_for_a_static_gets_an_error_and_does_not_hang) {
    for (const char* const what : {"static_in_callback", "static_of_itself"}) {
        const child_end end = run(what, false);
        BOOST_TEST_CONTEXT(what << ": " << end.output) {
            BOOST_TEST(end.killed_by(SIGABRT));
            BOOST_TEST(contains(end.output, "deadlock: a function-local static is wanted while it is initialized"));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_exception_handler_may_lock_what_the_task_holds) {
    const child_end end = run_linked("handler_locks_it_too");
    BOOST_TEST_CONTEXT(end.output) {
        BOOST_TEST(end.exited_with(0));
        BOOST_TEST(reports_in(end) == 1U);
        BOOST_TEST(contains(end.output, "\nholds 1, then 0\nend\n"));
    }
}

BOOST_AUTO_TEST_CASE(a_program_that_is_linked_with_it_may_ask_what_it_holds) {
    const child_end end = run_linked("lists");
    BOOST_TEST_CONTEXT(end.output) {
        BOOST_TEST(end.exited_with(0));
        BOOST_TEST(contains(end.output, "0, a mutex at 1, a mutex at 2, "));
        BOOST_TEST(contains(end.output, "another's: 0, here\n0\nend\n"));
    }
    BOOST_TEST(reports_in(run_linked("locks")) == 1U);
}
