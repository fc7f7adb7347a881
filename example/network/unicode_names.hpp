// The Unicode characters by the words of their names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

/// An index over UnicodeData.txt, as Debian's package unicode-data has it.
class unicode_names {
public:
    /// Throws: std::runtime_error   the file cannot be read
    explicit unicode_names(const std::string& file = "/usr/share/unicode/UnicodeData.txt");

    struct character {
        char32_t code;
        std::string name;

        /// "U+0041 A LATIN CAPITAL LETTER A", with tabs in between
        [[nodiscard]] std::string line() const;
    };

    /// The characters whose names have all the words of the query, in whatever case, by their codes.
    [[nodiscard]] std::vector<const character*> find(std::string_view query) const;

    [[nodiscard]] std::size_t size() const noexcept { return characters_.size(); }

private:
    std::vector<character> characters_;
    std::unordered_map<std::string, std::vector<std::uint32_t>> by_word_;  // positions, in ascending order
};
