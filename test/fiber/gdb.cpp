// What gdb shows of fibers: the frames of one that runs, to its entry and no further, and of one that was left.
#define BOOST_TEST_MODULE fiber_gdb
#include <crocus/fiber.hpp>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

#include "support/flow.hpp"

using crocus::test::flow;

// Names that gdb is told.
extern "C" {
const void* volatile crocus_test_left = nullptr;
[[gnu::noinline]] void crocus_test_leaf(flow* self) {
    if (self != nullptr) self->leave();
    asm volatile("");
}
[[gnu::noinline]] void crocus_test_middle(flow* self) {
    crocus_test_leaf(self);
    asm volatile("");
}
[[gnu::noinline]] void crocus_test_stop() { asm volatile(""); }
}

namespace {

/// What gdb prints that runs one of this program's cases and obeys these commands.
std::string gdb(const std::string& test_case, const std::string& commands) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    const std::string line = "timeout 50 gdb -nx -batch -iex 'set debuginfod enabled off' " + commands + " --args '" +
                             program + "' --run_test=" + test_case + " --catch_system_errors=no 2>&1 < /dev/null";
    std::FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string output;
    for (int c; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
    ::pclose(pipe);
    return output;
}

/// The lines of a backtrace, from "#0" on.
std::string frames(const std::string& output) {
    const std::size_t begin = output.find("#0 ");
    return begin == std::string::npos ? "" : output.substr(begin, output.find("\nKilled", begin) - begin);
}

void expect_frames_to_the_entry(const std::string& output) {
    const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
    BOOST_TEST_CONTEXT(output) {
        const std::string shown = frames(output);
        for (const char* frame : {"crocus_test_leaf", "crocus_test_middle", "crocus::fiber::start"})
            BOOST_TEST(has(shown, frame));
        for (const char* trouble : {"??", "Backtrace stopped", "corrupt"}) BOOST_TEST(!has(shown, trouble));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(runs_in_a_fiber, *boost::unit_test::disabled()) {
    flow([](flow&) { crocus_test_middle(nullptr); }).enter();
}

BOOST_AUTO_TEST_CASE(leaves_a_fiber, *boost::unit_test::disabled()) {
    flow f([](flow& self) { crocus_test_middle(&self); });
    f.enter();
    crocus_test_left = &f.itself();
    crocus_test_stop();
    f.enter();
}

BOOST_AUTO_TEST_CASE(a_backtrace_in_a_fiber_ends_at_its_entry) {
    expect_frames_to_the_entry(gdb("runs_in_a_fiber", "-ex 'break crocus_test_leaf' -ex run -ex bt -ex kill"));
}

BOOST_AUTO_TEST_CASE(a_fiber_that_was_left_shows_where) {
    expect_frames_to_the_entry(gdb("leaves_a_fiber",
                                   "-ex 'break crocus_test_stop' -ex run"
                                   " -ex 'set $left = (long*)*(long*)&crocus_test_left'"  // a saved_context
                                   " -ex 'set $rbp = $left[2]' -ex 'set $rip = $left[1]' -ex 'set $rsp = $left[0]'"
                                   " -ex bt -ex kill"));
}
