// doc/debugger/crocus.py in gdb: every fiber of a live process and of a core dump.
//
//   fiber_debugger [Boost.Test's options] -- crocus.py
#define BOOST_TEST_MODULE fiber_debugger
#include <boost/test/unit_test.hpp>

#include "support/waiting_fibers.hpp"

using namespace crocus::test;

BOOST_AUTO_TEST_CASE(waits, *boost::unit_test::disabled()) { wait_in_leaf_fn(); }
BOOST_AUTO_TEST_CASE(delegates, *boost::unit_test::disabled()) { stop_in_a_delegate(); }

BOOST_AUTO_TEST_CASE(gdb_shows_every_fiber_of_a_live_process_which_then_goes_on) {
    const std::string output = core_dump::gdb_run("waits", "-ex 'fiber bt all' -ex continue");
    expect_every_fiber(output);
    BOOST_TEST(shows(output, "No errors detected"), output);
}

BOOST_AUTO_TEST_CASE(gdb_lists_fibers_with_their_sites_and_states) {
    const std::string output = core_dump::gdb_run("waits", "-ex fibers");
    BOOST_TEST_CONTEXT(output) {
        BOOST_TEST(shows(
            output, " task +waiting +[0-9]+K +waiting_3 +waiting_fibers.hpp:[0-9]+ +(leaf_fn|crocus::fiber::jump)"));
        BOOST_TEST(shows(output, " task +not started +- +unborn"));
        BOOST_TEST(shows(output, " generator +suspended +[0-9]+K"));
        BOOST_TEST(shows(output, " main +running"));
    }
}

BOOST_AUTO_TEST_CASE(gdb_shows_who_awaits_whom) {
    const std::string output = core_dump::gdb_run("waits", "-ex 'fiber tree'");
    BOOST_TEST(shows(output, "\nawaiting \\(fiber [0-9]+, waiting\\)\n  waiting_0 "), output);
}

BOOST_AUTO_TEST_CASE(a_fiber_that_is_chosen_in_gdb_has_its_frames_until_it_is_left) {
    const std::string output = core_dump::gdb_run(
        "waits",
        "-ex 'python chosen = next(f.number for f in Process(Gdb()).fibers if f.name == \"waiting_2\")'"
        " -ex 'python gdb.execute(f\"fiber {chosen}\")' -ex backtrace -ex 'fiber off' -ex backtrace");
    BOOST_TEST_CONTEXT(output) {
        BOOST_TEST(shows(output, "\n#[0-9]+ +[^\n]*middle_fn"));
        BOOST_TEST(shows(output, "\n#0  [^\n]*crocus_test_stop[^\n]*\n#1  [^\n]*wait"));
    }
}

BOOST_AUTO_TEST_CASE(gdb_shows_every_fiber_of_a_core_dump) {
    const core_dump core("waits");
    BOOST_TEST_CONTEXT(core.log()) {
        expect_every_fiber(core_dump::gdb("-ex 'fiber bt all' '" + this_program() + "' '" + core.file() + "'"));
    }
}

// G35, G73, G77
BOOST_AUTO_TEST_CASE(gdb_shows_by_way_of_whom_a_delegate_was_resumed) {
    const std::string output = core_dump::gdb_run("delegates", "-ex 'fiber bt all' -ex continue -ex 'fiber bt all'");
    const std::size_t second = output.rfind("Breakpoint 1, ");
    expect_delegators(output.substr(0, second));
    expect_delegators(output.substr(second));
}
