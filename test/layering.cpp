// The umbrella header is the architecture, read bottom to top: this keeps it true.
//
//   layering [Boost.Test's options] -- ROOT...     ROOT is the directory that holds include/, lib/ and test/
#define BOOST_TEST_MODULE layering
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

/// The files below a directory that end so, as paths relative to it.
std::vector<std::string> files_below(const fs::path& directory, const std::string& extension) {
    std::vector<std::string> files;
    if (!fs::exists(directory)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.path().extension() == extension) files.push_back(fs::relative(entry.path(), directory).string());
    std::sort(files.begin(), files.end());
    return files;
}

class layers {
public:
    explicit layers(fs::path root) : root_(std::move(root)), headers_(files_below(root_ / "include", ".hpp")) {
        for (const std::string& header : included_by("crocus.hpp")) {
            if (!fs::exists(root_ / "include" / header)) found("crocus.hpp lists " + header + ", which does not exist");
            floor_.emplace(header, floor_.size());
        }
        check_umbrella();
        for (const auto& [header, floor] : floor_) check_includes(header, header, floor);
        check_detail();
        check_rooms("lib");
        check_rooms("test");
    }

    const std::vector<std::string>& violations() const { return violations_; }

private:
    void found(const std::string& violation) { violations_.push_back(violation); }

    std::vector<std::string> included_by(const std::string& header) {
        static const std::regex directive(R"(\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
        std::vector<std::string> included;
        std::ifstream file(root_ / "include" / header);
        std::smatch match;
        for (std::string line; std::getline(file, line);) {
            if (!std::regex_match(line, match, directive)) continue;
            if (match[1] == "\"") found(header + " includes \"" + match[2].str() + "\": write <crocus/...>");
            if (starts_with(match[2], "crocus")) included.push_back(match[2]);
        }
        return included;
    }

    void check_umbrella() {
        for (const std::string& header : headers_)
            if (header != "crocus.hpp" && !is_detail(header) && !floor_.contains(header))
                found(header + " is not listed in crocus.hpp");
    }

    /// What a detail header includes, the public header that includes it includes.
    void check_includes(const std::string& header, const std::string& in, std::size_t floor) {
        const std::string where = in == header ? header : header + " (in " + in + ")";
        for (const std::string& included : included_by(in)) {
            if (is_detail(included)) {
                if (reached_[header].insert(included).second) check_includes(header, included, floor);
            } else if (!floor_.contains(included) || floor_.at(included) >= floor) {
                found(where + " includes " + included + ", which crocus.hpp does not list above it");
            }
        }
    }

    void check_detail() {
        std::set<std::string> reached;
        for (const auto& [header, details] : reached_) reached.insert(details.begin(), details.end());
        for (const std::string& header : headers_)
            if (is_detail(header) && !reached.contains(header))
                found(header + " is included by no public header: it belongs in lib/");
    }

    /// A source's room is the header of the same stem, or of the same name as a directory that it is in.
    void check_rooms(const std::string& directory) {
        static const std::set<std::string> no_rooms = {"assembly", "bench", "compare", "compile",  "compile_fail",
                                                       "detail",   "fuzz",  "rows",    "snippets", "support"};
        for (const std::string& source : files_below(root_ / directory, ".cpp")) {
            if (no_rooms.contains(fs::path(source).begin()->string()) || source == "layering.cpp") continue;
            bool has_room = false;
            for (fs::path stem = fs::path(source).replace_extension(); !stem.empty(); stem = stem.parent_path())
                has_room = has_room || fs::exists(root_ / "include/crocus" / (stem.string() + ".hpp"));
            if (!has_room) found(directory + "/" + source + " has no header of its name in include/crocus");
        }
    }

    static bool is_detail(const std::string& header) { return starts_with(header, "crocus/detail/"); }

    fs::path root_;
    std::vector<std::string> headers_;
    std::map<std::string, std::size_t> floor_;              // a public header's place in crocus.hpp
    std::map<std::string, std::set<std::string>> reached_;  // the detail headers that a public one includes
    std::vector<std::string> violations_;
};

/// A small house that is in order, to be broken.
class house {
public:
    house() {
        std::string name = (fs::temp_directory_path() / "crocus-layering-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
        root_ = name;
        write("include/crocus.hpp", "#include <crocus/ground.hpp>\n#include <crocus/roof.hpp>\n");
        write("include/crocus/ground.hpp", "#include <crocus/detail/nail.hpp>\n");
        write("include/crocus/detail/nail.hpp", "#include <vector>\n");
        write("include/crocus/roof.hpp", "#include <crocus/ground.hpp>\n");
        write("lib/roof.cpp", "");
        write("lib/roof/slate.cpp", "");
        write("lib/detail/anything.cpp", "");
        write("test/roof.cpp", "");
        write("test/bench/anything.cpp", "");
    }
    ~house() { fs::remove_all(root_); }
    house(const house&) = delete;
    house& operator=(const house&) = delete;

    void write(const std::string& file, const std::string& text) {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text;
    }

    std::vector<std::string> violations() const { return layers(root_).violations(); }

    bool has_only(const std::string& violation) const {
        const auto all = violations();
        for (const std::string& one : all) BOOST_TEST_MESSAGE(one);
        return all.size() == 1 && all.front().find(violation) != std::string::npos;
    }

private:
    fs::path root_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_project_is_in_order) {
    const auto& arguments = boost::unit_test::framework::master_test_suite();
    BOOST_REQUIRE(arguments.argc > 1);
    const layers project(arguments.argv[1]);
    for (const std::string& violation : project.violations()) BOOST_ERROR(violation);
}

BOOST_AUTO_TEST_CASE(a_house_in_order_passes) { BOOST_TEST(house().violations().empty()); }

BOOST_FIXTURE_TEST_CASE(including_a_header_from_above_is_found, house) {
    write("include/crocus/ground.hpp", "#include <crocus/detail/nail.hpp>\n#  include <crocus/roof.hpp>\n");
    BOOST_TEST(has_only("crocus/ground.hpp includes crocus/roof.hpp"));
}

BOOST_FIXTURE_TEST_CASE(including_a_header_from_above_through_detail_is_found, house) {
    write("include/crocus/detail/nail.hpp", "#include <crocus/detail/iron.hpp>\n");
    write("include/crocus/detail/iron.hpp", "#include <crocus/detail/nail.hpp>\n#include <crocus/roof.hpp>\n");
    BOOST_TEST(has_only("crocus/ground.hpp (in crocus/detail/iron.hpp) includes crocus/roof.hpp"));
}

BOOST_FIXTURE_TEST_CASE(including_the_umbrella_is_found, house) {
    write("include/crocus/roof.hpp", "#include <crocus.hpp>\n");
    BOOST_TEST(has_only("crocus/roof.hpp includes crocus.hpp"));
}

BOOST_FIXTURE_TEST_CASE(a_quoted_include_is_found, house) {
    write("include/crocus/roof.hpp", "#include \"ground.hpp\"\n");
    BOOST_TEST(has_only("crocus/roof.hpp includes \"ground.hpp\""));
}

BOOST_FIXTURE_TEST_CASE(an_unlisted_header_is_found, house) {
    write("include/crocus/sync/cellar.hpp", "");
    BOOST_TEST(has_only("crocus/sync/cellar.hpp is not listed"));
}

BOOST_FIXTURE_TEST_CASE(a_listed_header_that_does_not_exist_is_found, house) {
    write("include/crocus.hpp",
          "#include <crocus/ground.hpp>\n#include <crocus/roof.hpp>\n#include <crocus/chimney.hpp>\n");
    BOOST_TEST(has_only("lists crocus/chimney.hpp, which does not exist"));
}

BOOST_FIXTURE_TEST_CASE(a_detail_header_that_no_public_header_needs_is_found, house) {
    write("include/crocus/detail/screw.hpp", "");
    BOOST_TEST(has_only("crocus/detail/screw.hpp is included by no public header"));
}

BOOST_FIXTURE_TEST_CASE(a_source_without_a_room_is_found, house) {
    write("lib/helpers.cpp", "");
    BOOST_TEST(has_only("lib/helpers.cpp has no header"));
}

BOOST_FIXTURE_TEST_CASE(a_test_without_a_room_is_found, house) {
    write("test/misc.cpp", "");
    BOOST_TEST(has_only("test/misc.cpp has no header"));
}
