// Sanitizers and valgrind find faults inside fibers, and nothing where there is none, with no flag of the user's: one
// plain library serves them all.
#define BOOST_TEST_MODULE fiber_sanitizers
#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

namespace {

/// planted_faults as it was built for this sanitizer: the Jamfile gives the paths.
std::string built_for(const std::string& sanitizer) {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    for (int i = 1; i < suite.argc; ++i) {
        const std::string path = suite.argv[i];
        if (path.ends_with("planted_" + sanitizer)) return path;
    }
    throw std::runtime_error("no planted_" + sanitizer + " among the arguments");
}

struct outcome {
    int status;
    std::string output;

    [[nodiscard]] bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
    [[nodiscard]] bool well() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
};

outcome run(const std::string& command) {
    std::FILE* const pipe = ::popen(("timeout 50 " + command + " 2>&1 < /dev/null").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    outcome o{};
    for (int c; (c = std::fgetc(pipe)) != EOF;) o.output += static_cast<char>(c);
    o.status = ::pclose(pipe);
    return o;
}

outcome run(const std::string& sanitizer, const std::string& fault, const std::string& before = "") {
    return run(before + " '" + built_for(sanitizer) + "' " + fault);
}

const std::string memcheck = "valgrind -q --error-exitcode=9 --leak-check=no";

void expect_well(const outcome& o) { BOOST_TEST_CONTEXT(o.output) BOOST_TEST((o.well() && o.output.empty())); }
void expect_found(const outcome& o, const std::string& what) { BOOST_TEST_CONTEXT(o.output) BOOST_TEST(o.says(what)); }

}  // namespace

BOOST_AUTO_TEST_CASE(where_there_is_no_fault_none_is_found) {
    expect_well(run("plain", "no_fault"));
    for (const char* sanitizer : {"address", "undefined", "thread", "leak"}) expect_well(run(sanitizer, "no_fault"));
    expect_well(run("address", "no_fault", "env ASAN_OPTIONS=detect_stack_use_after_return=1"));
}

BOOST_AUTO_TEST_CASE(address_sanitizer_finds_faults_of_heap_and_stack_inside_fibers) {
    expect_found(run("address", "use_after_free"), "heap-use-after-free");
    expect_found(run("address", "stack_buffer_overflow"), "stack-buffer-overflow");
    expect_found(run("address", "use_after_return", "env ASAN_OPTIONS=detect_stack_use_after_return=1"),
                 "stack-use-after-return");
}

BOOST_AUTO_TEST_CASE(undefined_behaviour_sanitizer_finds_an_overflow_inside_a_fiber) {
    expect_found(run("undefined", "signed_overflow"), "signed integer overflow");
}

BOOST_AUTO_TEST_CASE(thread_sanitizer_finds_a_race_between_two_loops) {
    expect_found(run("thread", "race"), "data race");
}

BOOST_AUTO_TEST_CASE(leak_sanitizer_finds_what_a_fiber_lost_and_not_what_a_suspended_one_holds) {
    expect_found(run("address", "leak"), "detected memory leaks");
    expect_well(run("address", "held_by_a_suspended_fiber"));
    // By itself it knows nothing of fibers, and trusts only whom it can name: it must be told to unwind their stacks.
    const std::string unwinding = "env LSAN_OPTIONS=fast_unwind_on_malloc=0";
    expect_found(run("leak", "leak", unwinding), "detected memory leaks");
    expect_well(run("leak", "held_by_a_suspended_fiber", unwinding));
}

BOOST_AUTO_TEST_CASE(valgrind_knows_a_switch_from_a_fault) {
    const outcome none = run("plain", "no_fault", memcheck);
    BOOST_TEST_CONTEXT(none.output) BOOST_TEST((none.well() && !none.says("switching stacks")));
    expect_found(run("plain", "use_after_free", memcheck), "Invalid read");
    expect_found(run("plain", "uninitialised", memcheck), "ninitialised value");
}
