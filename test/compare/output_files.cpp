#define BOOST_TEST_MODULE compare_output_files
#include "output_files.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>

#include "failure.hpp"

namespace fs = std::filesystem;

namespace {

struct scratch {
    scratch() {
        std::string name = (fs::temp_directory_path() / "compare-XXXXXX").string();
        BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~scratch() { fs::remove_all(path); }

    [[nodiscard]] std::size_t entries(const fs::path& of) const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(of), {}));
    }

    fs::path path;
};

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(all_files_appear_with_their_content_and_nothing_else, scratch) {
    compare::output_files files(path / "a" / "b");
    files.write({{"one", "1"}, {"two", std::string(100'000, '2')}});
    BOOST_TEST(content(path / "a" / "b" / "one") == "1");
    BOOST_TEST(content(path / "a" / "b" / "two").size() == 100'000U);
    BOOST_TEST(entries(path / "a" / "b") == 2U);
}

BOOST_FIXTURE_TEST_CASE(what_was_there_is_replaced_and_the_rest_is_left_alone, scratch) {
    std::ofstream(path / "one") << "old and longer";
    std::ofstream(path / "other") << "mine";
    compare::output_files(path).write({{"one", "new"}});
    BOOST_TEST(content(path / "one") == "new");
    BOOST_TEST(content(path / "other") == "mine");
}

BOOST_FIXTURE_TEST_CASE(without_a_result_the_directories_that_were_made_go_away, scratch) {
    {
        compare::output_files files(path / "a" / "b" / "");
        BOOST_TEST(fs::is_directory(path / "a" / "b"));
        BOOST_TEST(entries(path / "a" / "b") == 0U);
    }
    BOOST_TEST(!fs::exists(path / "a"));
    BOOST_TEST(fs::exists(path));
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_cannot_be_is_told_before_anything_runs, scratch) {
    std::ofstream(path / "file") << "in the way";
    BOOST_CHECK_THROW(compare::output_files(path / "file"), compare::failure);
    BOOST_CHECK_THROW(compare::output_files(path / "new" / ".." / "file" / "x"), compare::failure);
    BOOST_CHECK_THROW(compare::output_files("/proc/self/nothing"), compare::failure);
    BOOST_TEST(entries(path) == 1U);
    BOOST_TEST(content(path / "file") == "in the way");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_cannot_be_replaced_leaves_no_temporary_one, scratch) {
    fs::create_directories(path / "two" / "full");
    {
        compare::output_files files(path);
        BOOST_CHECK_THROW(files.write({{"two", "2"}}), compare::failure);
    }
    BOOST_TEST(entries(path) == 1U);
}
