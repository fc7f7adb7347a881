// Values sent in: a yield gives the body what its resumer sent, and one of them ends it.
#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <iostream>
#include <string>

#include <crocus.hpp>

namespace {

std::string in_capitals(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

/// Takes words and gives them back in capitals, until "quit". Returns how many there were.
crocus::generator<std::string, std::string, int> shout() {
    return [](auto& yield) {
        int words = 0;
        std::string loud;
        for (auto word = yield(loud); word && *word != "quit"; word = yield(loud)) {
            loud = in_capitals(*word) + '!';
            ++words;
        }
        return words;
    };
}

}  // namespace

int main() {
    crocus::generator<std::string, std::string, int> loud = shout();
    loud.next();  // to the first yield, which can be sent to
    for (const char* const word : {"hello", "spring", "quit", "again"}) {
        auto step = loud.send(word);
        if (step.yielded())
            std::cout << *step << '\n';
        else if (step.has_result())
            std::cout << step.result() << " words\n";
        else
            std::cout << "it is finished, and takes no more\n";
    }
}
