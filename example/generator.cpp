// Generators: a pipeline over a file that never holds more than a line, values sent in, and recursion without delegation.
#include <algorithm>
#include <cctype>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include <crocus.hpp>

namespace {

crocus::generator<std::string> lines(std::istream& from) {
    return [&from](auto& yield) {
        for (std::string line; std::getline(from, line);) yield(line);
    };
}

crocus::generator<std::string> matching(crocus::generator<std::string> source, std::string word) {
    return [source = std::move(source), word = std::move(word)](auto& yield) mutable {
        for (const std::string& line : source)
            if (line.find(word) != std::string::npos) yield(line);
    };
}

/// Permutations, by recursion: yield is called at every depth.
void permute(std::string& letters, std::size_t from, crocus::generator<std::string>::yielder& yield) {
    if (from == letters.size()) {
        yield(letters);
        return;
    }
    for (std::size_t i = from; i != letters.size(); ++i) {
        std::swap(letters[from], letters[i]);
        permute(letters, from + 1, yield);
        std::swap(letters[from], letters[i]);
    }
}

}  // namespace

int main() {
    std::istringstream poem("a crocus in the snow\na tulip in the sun\nanother crocus\n");
    for (const std::string& line : matching(lines(poem), "crocus")) std::cout << line << '\n';

    // send() hands a value to the body; the last one ends it.
    crocus::generator<std::string, std::string> shout = [](auto& yield) {
        std::string loud;
        for (auto word = yield(loud); word && *word != "quit"; word = yield(loud)) {
            loud = *word + "!";
            std::transform(loud.begin(), loud.end(), loud.begin(), [](unsigned char c) { return std::toupper(c); });
        }
    };
    shout.next();
    std::cout << *shout.send(std::string("hello")) << ' ' << *shout.send(std::string("spring")) << '\n';
    std::cout << "finished: " << shout.send(std::string("quit")).finished() << '\n';

    crocus::generator<std::string> permutations = [](auto& yield) {
        std::string letters = "abc";
        permute(letters, 0, yield);
    };
    for (const std::string& p : permutations) std::cout << p << ' ';
    std::cout << '\n';
}
