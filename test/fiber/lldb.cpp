// doc/debugger/crocus.py in lldb: every fiber of a live process and of a core dump.
//
//   fiber_lldb [Boost.Test's options] -- crocus.py
#define BOOST_TEST_MODULE fiber_lldb
#include <boost/test/unit_test.hpp>

#include "support/waiting_fibers.hpp"

using namespace crocus::test;

namespace {

std::string lldb(const std::string& options, const std::string& commands, const std::string& arguments = "") {
    return output_of("timeout 100 lldb-16 --no-lldbinit --batch -o 'command script import " + script() + "' " +
                     options + commands + " '" + this_program() + "'" + arguments);
}

}  // namespace

BOOST_AUTO_TEST_CASE(waits, *boost::unit_test::disabled()) { wait_in_leaf_fn(); }
BOOST_AUTO_TEST_CASE(delegates, *boost::unit_test::disabled()) { stop_in_a_delegate(); }

BOOST_AUTO_TEST_CASE(lldb_shows_every_fiber_of_a_live_process_which_then_goes_on) {
    const std::string output =
        lldb("", "-o 'breakpoint set -n crocus_test_stop' -o run -o 'fiber bt all' -o 'fiber tree' -o continue",
             " -- --run_test=waits --catch_system_errors=no -- " + script());
    expect_every_fiber(output);
    BOOST_TEST(shows(output, "\nawaiting \\(fiber [0-9]+, waiting\\)\n  waiting_0 "), output);
    BOOST_TEST(shows(output, "exited with status = 0"), output);
}

BOOST_AUTO_TEST_CASE(lldb_shows_by_way_of_whom_a_delegate_was_resumed) {
    expect_delegators(lldb("", "-o 'breakpoint set -n crocus_test_stop' -o run -o 'fiber bt all'",
                           " -- --run_test=delegates --catch_system_errors=no -- " + script()));
}

BOOST_AUTO_TEST_CASE(lldb_shows_every_fiber_of_a_core_dump_among_the_threads) {
    const core_dump core("waits");
    const std::string output = lldb("-c '" + core.file() + "' ", "-o 'fiber bt all' -o 'thread list'");
    BOOST_TEST_CONTEXT(core.log()) {
        expect_every_fiber(output);
        BOOST_TEST(shows(output, "thread #[0-9]+: tid = [^\n]*name = 'fiber waiting_4'"), output);
    }
}
