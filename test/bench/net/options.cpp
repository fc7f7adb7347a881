#include "options.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <utility>

#include "failure.hpp"

namespace bench {

namespace {

double above_zero(const std::string& name, const std::string& value) {
    std::istringstream in(value);
    double number = 0;
    if (!(in >> number) || !in.eof() || !(number > 0)) throw failure("--" + name + "=" + value + ": no number above 0");
    return number;
}

}  // namespace

options::options(int argc, char** argv, std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const auto equals = std::min(argument.find('='), argument.size());
        const auto at = argument.starts_with("--") ? values_.find(argument.substr(2, equals - 2)) : values_.end();
        if (at == values_.end()) {
            std::string known;
            for (const auto& [name, value] : values_) known += "\n    --" + name + "=" + value;
            throw failure(argument + ": there is no such option, only" + known);
        }
        at->second = equals == argument.size() ? "yes" : argument.substr(equals + 1);
    }
}

double options::number(const std::string& name) const { return above_zero(name, text(name)); }

std::vector<std::string> options::list(const std::string& name) const {
    std::vector<std::string> items;
    std::istringstream in(text(name));
    for (std::string item; std::getline(in, item, ',');) items.push_back(item);
    return items;
}

std::vector<std::size_t> options::sizes(const std::string& name) const {
    std::vector<std::size_t> result;
    for (const std::string& item : list(name)) result.push_back(static_cast<std::size_t>(above_zero(name, item)));
    return result;
}

std::string beside_this_program(const std::string& name) {
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

}  // namespace bench
