// The whole program, started as its users start it: this test program plays its roles.
#define BOOST_TEST_MODULE compare_program
#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include "program.hpp"

#include <boost/test/unit_test.hpp>
#include <crocus.hpp>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <thread>

#include "flag_server.hpp"
#include "process_status.hpp"
#include "started.hpp"

namespace fs = std::filesystem;

int main(int argc, char** argv) {
    crocus::host_workers(argc, argv);
    if (argc > 1 && std::strcmp(argv[1], started::as_program) == 0)
        return compare::run_program({argv + 2, argv + argc});
    if (argc > 1 && std::strncmp(argv[1], "--role=", 7) == 0) return compare::run_program({argv + 1, argv + argc});
    return boost::unit_test::unit_test_main(init_unit_test, argc, argv);
}

namespace {

struct scratch {
    scratch() {
        std::string name = (fs::temp_directory_path() / "compare-XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
        output = path / "new" / "output";
    }
    ~scratch() { fs::remove_all(path); }

    [[nodiscard]] bool nothing_is_left() const { return fs::is_empty(path); }

    fs::path path;
    fs::path output;
};

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t lines_in(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

// Every way to fail: exit status 2, one clear line, no file.
void refuses(const scratch& where, std::vector<std::string> arguments, std::string_view complaint) {
    arguments.push_back("--output=" + where.output.string());
    const finished run = started(arguments).finish();
    BOOST_TEST(run.exit_status() == 2);
    BOOST_TEST(run.standard_output == "");
    BOOST_TEST(run.standard_error.starts_with("compare: "), run.standard_error);
    BOOST_TEST(contains(run.standard_error, complaint), run.standard_error);
    BOOST_TEST(lines_in(run.standard_error) == 1U);
    BOOST_TEST(where.nothing_is_left());
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(all_models_download_and_compute_and_both_files_are_written, scratch) {
    const finished run = started({"--urls=60", "--concurrency=8", "--latency=1-2", "--nums=9,9,5", "--seed=3",
                                  "--output=" + output.string()})
                             .finish();
    BOOST_TEST(run.exit_status() == 0, run.standard_output << run.standard_error);
    BOOST_TEST(run.standard_error == "");
    BOOST_TEST(run.standard_output.find_first_of("\x1b\r") == std::string::npos);
    const std::string text = std::regex_replace(run.standard_output, std::regex("\\s+"), " ");
    for (const char* part : {"sequential", "native thread each", "thread pool", "process pool", "green threads",
                             "green, keep-alive", "boost fibers", "C++ has no GIL", "to be reached: 0.8 x 8 = 6.40"})
        BOOST_TEST(contains(text, part), part);
    const std::string csv = content(output / "compare.csv");
    BOOST_TEST(lines_in(csv) == 1U + 7U + 4U);
    BOOST_TEST(!contains(csv, ",no\r\n"));
    BOOST_TEST(contains(content(output / "compare.svg"), "</svg>"));
    BOOST_TEST(std::distance(fs::directory_iterator(output), {}) == 2);
}

BOOST_FIXTURE_TEST_CASE(errors_of_the_server_are_counted_per_status, scratch) {
    const finished run = started({"--urls=200", "--concurrency=20", "--latency=0-1", "--models=keep-alive,thread-each",
                                  "--output=" + output.string()})
                             .finish();
    BOOST_TEST(run.exit_status() == 0, run.standard_output << run.standard_error);
    const std::string csv = content(output / "compare.csv");
    BOOST_TEST(contains(csv, " x 404"));
    BOOST_TEST(contains(csv, " x 503"));
}

BOOST_FIXTURE_TEST_CASE(a_bad_option_is_refused, scratch) {
    refuses(*this, {"--models=nothing"}, "there is no model 'nothing'");
    refuses(*this, {"--urls"}, "--urls");
}

BOOST_FIXTURE_TEST_CASE(an_unreachable_server_is_refused, scratch) {
    refuses(*this, {"--base-url=" + nobody_there()},
            "no usable answer (1 x refused): is an HTTP server running there?");
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_cannot_be_written_is_refused, scratch) {
    const finished run = started({"--output=/proc/self/nothing"}).finish();
    BOOST_TEST(run.exit_status() == 2);
    BOOST_TEST(contains(run.standard_error, "compare: --output /proc/self/nothing: cannot"), run.standard_error);
}

BOOST_FIXTURE_TEST_CASE(too_few_descriptors_are_refused, scratch) {
    refuses(*this, {"--concurrency=100000"}, "file descriptors, this system allows");
}

BOOST_FIXTURE_TEST_CASE(a_server_with_the_same_files_is_verified_byte_for_byte, scratch) {
    const flag_server server(flag_server::honest);
    const finished run = started({"--urls=30", "--concurrency=4", "--models=thread-pool,green,keep-alive", "--nums=3",
                                  "--base-url=" + server.url(), "--output=" + output.string()})
                             .finish();
    BOOST_TEST(run.exit_status() == 0, run.standard_output << run.standard_error);
    BOOST_TEST(contains(content(output / "compare.csv"), ",30 x 200,yes"));
}

BOOST_FIXTURE_TEST_CASE(a_server_with_other_files_is_not_verified, scratch) {
    const flag_server server(flag_server::other_files);
    const finished run = started({"--urls=30", "--concurrency=4", "--models=green,keep-alive", "--nums=3",
                                  "--base-url=" + server.url(), "--output=" + output.string()})
                             .finish();
    BOOST_TEST(run.exit_status() == 0, run.standard_output << run.standard_error);
    BOOST_TEST(contains(content(output / "compare.csv"), ",30 x unverified,yes"));
}

BOOST_FIXTURE_TEST_CASE(wrong_bytes_and_broken_connections_are_counted_and_end_with_status_1, scratch) {
    for (const auto& [fault, kind] : {std::pair(flag_server::wrong_byte, "corrupt"),
                                      {flag_server::cut_off, "truncated"},
                                      {flag_server::hang_up, "reset"},
                                      {flag_server::babble, "not-http"}}) {
        const flag_server server(fault);
        const finished run = started({"--urls=30", "--concurrency=4", "--models=thread-each,green,keep-alive",
                                      "--nums=3", "--base-url=" + server.url(), "--output=" + output.string()})
                                 .finish();
        BOOST_TEST(run.exit_status() == 1, run.standard_output << run.standard_error);
        const std::string expected = std::string(",\"29 x 200, 1 x ") + kind + "\",no";
        const std::string csv = content(output / "compare.csv");
        for (const char* model : {"thread-each", "green", "keep-alive"}) {
            const std::size_t line = csv.find(std::string(",") + model + ",");
            BOOST_TEST_REQUIRE(line != std::string::npos);
            BOOST_TEST(contains(csv.substr(line, csv.find('\r', line) - line), expected), csv);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_server_without_flags_is_refused, scratch) {
    const flag_server server(flag_server::nothing);
    refuses(*this, {"--base-url=" + server.url()}, "no flags there (5 x 404 for");
}

BOOST_FIXTURE_TEST_CASE(an_interrupt_ends_all_processes_and_leaves_nothing, scratch) {
    started run({"--latency=60000-60000", "--models=process-pool", "--output=" + output.string()});
    // The server, the model and some of its workers: in the middle of it.
    while (compare::descendants_of(run.pid()).size() < 4) std::this_thread::yield();
    run.signal(SIGINT);
    const finished end = run.finish();  // comes back only when no process holds the pipes any more
    BOOST_TEST(end.exit_status() == 130);
    BOOST_TEST(end.standard_output == "");
    BOOST_TEST(end.standard_error == "");
    BOOST_TEST(nothing_is_left());
}
