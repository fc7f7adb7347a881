// test/rows/list, in a small house of its own: what counts as held, and what does not.
//
//   rows_list [Boost.Test's options] -- test/rows/list
#define BOOST_TEST_MODULE rows_list
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

namespace fs = std::filesystem;

class house {
public:
    house() {
        std::string name = (fs::temp_directory_path() / "crocus-rows-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
        root_ = name;
        write("doc/rules.md",
              "| row | kind | rule |\n|---|---|---|\n| G1 | P | one |\n| G2 | P | two |\n| G3 | A | three |\n"
              "| G4 | N | four |\n| T1 | P | a task |\n");
    }
    house(const house&) = delete;
    house& operator=(const house&) = delete;
    ~house() { fs::remove_all(root_); }

    void write(const std::string& file, const std::string& text) const {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text;
    }
    /// A run of test/a.cpp, so many seconds ago, with these lines between the case's first and last.
    void ran(const std::string& variant, int seconds_ago, const std::string& test_case,
             const std::string& lines = "") const {
        const std::string file = "bin/test/a.test/" + variant + "/a.output", here = "test/a.cpp(9): ";
        write(file, here + "Entering test case \"" + test_case + "\"\n" + lines + here + "Leaving test case \"" +
                        test_case + "\"; testing time: 1us\n");
        fs::last_write_time(root_ / file, fs::file_time_type::clock::now() - std::chrono::seconds(seconds_ago));
    }
    [[nodiscard]] std::string listed(const std::string& letters = "G") const {
        auto& suite = boost::unit_test::framework::master_test_suite();
        if (suite.argc < 2) throw std::runtime_error("give test/rows/list as an argument, after --");
        const std::string script = fs::absolute(suite.argv[1]).string();
        std::FILE* const pipe = ::popen(("ROOT=" + root_.string() + " " + script + " " + letters).c_str(), "r");
        if (pipe == nullptr) throw std::runtime_error("popen");
        std::string output;
        for (int c; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
        BOOST_TEST(::pclose(pipe) == 0);
        return output;
    }

private:
    fs::path root_;
};

const std::string last_two = "G3 A three\nG4 N four\n";

}  // namespace

BOOST_AUTO_TEST_CASE(what_nobody_names_or_ran_is_open) {
    const house h;
    BOOST_TEST(h.listed() == "G1 P one\nG2 P two\n" + last_two + "G: 4 of 4 rows are open\n");
    h.write("test/a.cpp", "// G1, G2\nBOOST_AUTO_TEST_CASE(a) {\n}\n");
    BOOST_TEST(h.listed() == "G1 P one\nG2 P two\n" + last_two + "G: 4 of 4 rows are open\n");
    h.ran("x", 1, "a");
    BOOST_TEST(h.listed() == last_two + "G: 2 of 4 rows are open\n");
    BOOST_TEST(h.listed("T") == "T1 P a task\nT: 1 of 1 rows are open\n");
}

BOOST_AUTO_TEST_CASE(ranges_name_what_is_between) {
    const house h;
    h.write("test/a.cpp", "BOOST_AUTO_TEST_CASE(\n    a, *label(\"x\")) {  // G1 to G3\n}\n");
    h.ran("x", 1, "a");
    BOOST_TEST(h.listed() == "G4 N four\nG: 1 of 4 rows are open\n");
}

BOOST_AUTO_TEST_CASE(a_comment_that_does_not_stand_at_a_test_names_nothing) {
    const house h;
    h.write(
        "test/a.cpp",
        "// G1\n\nBOOST_AUTO_TEST_CASE(a) {\n    // G2\n}\n// users_ask G3; users' T1\nBOOST_AUTO_TEST_CASE(b) {}\n");
    h.ran("x", 1, "a");
    h.ran("x", 1, "b");
    BOOST_TEST(h.listed("G T").ends_with("G: 4 of 4 rows are open\nT: 1 of 1 rows are open\n"));
}

BOOST_AUTO_TEST_CASE(who_names_a_row_that_there_is_not_is_told) {
    const house h;
    h.write("test/a.cpp", "// G7\nBOOST_AUTO_TEST_CASE(a) {\n}\n");
    BOOST_TEST(h.listed().ends_with(last_two + "a.cpp:a: G7 is no row\nG: 4 of 4 rows are open\n"));
}

BOOST_AUTO_TEST_CASE(a_test_that_failed_or_broke_off_holds_nothing) {
    const house h;
    h.write("test/a.cpp", "// G1\nBOOST_AUTO_TEST_CASE(a) {\n}\n");
    h.ran("x", 1, "a", "test/a.cpp(10): error: in \"a\": check false has failed\n");
    BOOST_TEST(h.listed().starts_with("G1 P one\n"));
    h.write("bin/test/a.test/x/a.output", "test/a.cpp(9): Entering test case \"a\"\n");
    BOOST_TEST(h.listed().starts_with("G1 P one\n"));
}

BOOST_AUTO_TEST_CASE(the_newest_run_of_a_program_counts) {
    const house h;
    h.write("test/a.cpp", "// G1\nBOOST_AUTO_TEST_CASE(a) {\n}\n");
    h.ran("x", 100, "a");
    h.ran("y", 1, "a", "test/a.cpp(10): error: in \"a\": check false has failed\n");
    BOOST_TEST(h.listed().starts_with("G1 P one\n"));
    h.ran("x", 0, "a");
    BOOST_TEST(h.listed().starts_with("G2 P two\n"));
}

BOOST_AUTO_TEST_CASE(what_does_not_apply_is_held_by_a_page) {
    const house h;
    h.write("test/a.cpp", "// G4\nBOOST_AUTO_TEST_CASE(a) {\n}\n");
    h.ran("x", 1, "a");
    BOOST_TEST(h.listed().find("G4 N four") != std::string::npos);
    h.write("doc/deviations.md", "| G1, G4 | because |\n");
    BOOST_TEST(h.listed() == "G1 P one\nG2 P two\nG3 A three\nG: 3 of 4 rows are open\n");
}
