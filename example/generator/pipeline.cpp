// grep, as a pipeline: each part asks the one before it for a value when it needs one, so that no more than a line of a
// file is in memory, and a reader who has seen enough leaves every file closed.
//
//   pipeline [WORD [FILE...]]     by default, the uses of yield.from in the directory of this file
#include <filesystem>
#include <fstream>
#include <iostream>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <crocus.hpp>

namespace {

struct line {
    std::string file;
    int number = 0;
    std::string text;
};

crocus::generator<std::filesystem::path> sources(std::filesystem::path directory) {
    return [directory = std::move(directory)](auto& yield) {
        for (const auto& entry : std::filesystem::directory_iterator(directory))
            if (entry.path().extension() == ".cpp") yield(entry.path());
    };
}

crocus::generator<std::filesystem::path> given(std::vector<std::string> names) {
    return [names = std::move(names)](auto& yield) { yield.from(names); };
}

crocus::generator<line> lines(crocus::generator<std::filesystem::path> files) {
    return [files = std::move(files)](auto& yield) mutable {
        for (const std::filesystem::path& file : files) {
            std::ifstream from(file);
            line next;
            next.file = file.filename().string();
            for (; std::getline(from, next.text); yield(next)) ++next.number;
        }
    };
}

crocus::generator<line> matching(std::string word, crocus::generator<line> all) {
    return [word = std::move(word), all = std::move(all)](auto& yield) mutable {
        for (line& each : all)
            if (each.text.find(word) != std::string::npos) yield(std::move(each));
    };
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const std::string word = arguments.empty() ? "yield.from" : arguments.front();
    crocus::generator<std::filesystem::path> files = arguments.size() < 2
                                                         ? sources(std::filesystem::absolute(__FILE__).parent_path())
                                                         : given({arguments.begin() + 1, arguments.end()});

    constexpr int most = 20;
    for (const line& found : matching(word, lines(std::move(files))) | std::views::take(most))
        std::cout << found.file << ':' << found.number << ": " << found.text << '\n';
}
