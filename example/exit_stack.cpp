// As many resources as a list says: all of them are let go at the end, also when one cannot be had.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus.hpp>

namespace {

crocus::context_manager<std::ifstream&> opened(std::filesystem::path path) {
    return [path](auto& yield) {
        std::ifstream file(path);
        if (!file) throw std::runtime_error("cannot open " + path.string());
        std::cout << "opened " << path.string() << '\n';
        struct at_end {
            const std::filesystem::path& path;
            ~at_end() { std::cout << "closed " << path.string() << '\n'; }
        } const closing{path};
        yield(file);
    };
}

/// The first line of each.
std::vector<std::string> first_lines(const std::vector<std::filesystem::path>& paths) {
    return crocus::with_exit_stack([&](crocus::exit_stack& scope) {
        scope.callback([] { std::cout << "all are closed\n"; });
        std::vector<std::ifstream*> files;
        for (const auto& path : paths) files.push_back(&scope.enter_context(opened(path)));
        std::vector<std::string> lines(files.size());
        for (std::size_t i = 0; i != files.size(); ++i) std::getline(*files[i], lines[i]);
        return lines;
    });
}

/// All of them, open, or none.
crocus::exit_stack open_all(const std::vector<std::filesystem::path>& paths) {
    return crocus::with_exit_stack([&](crocus::exit_stack& scope) {
        for (const auto& path : paths) scope.enter_context(opened(path));
        return scope.pop_all();
    });
}

}  // namespace

int main() {
    for (const std::string& line : first_lines({"/proc/self/comm", "/proc/self/statm"})) std::cout << line << '\n';
    try {
        first_lines({"/proc/self/comm", "/proc/none"});
    } catch (const std::runtime_error& e) {
        std::cout << e.what() << '\n';
    }
    crocus::exit_stack kept = open_all({"/proc/self/comm", "/proc/self/stat"});
    std::cout << "still open\n";
    kept.close();
}
