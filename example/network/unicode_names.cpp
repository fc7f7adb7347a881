#include "unicode_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

/// Letters and digits, in capitals; what stands between them separates words.
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    bool inside = false;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) == 0) {
            inside = false;
            continue;
        }
        if (!std::exchange(inside, true)) words.emplace_back();
        words.back() += static_cast<char>(std::toupper(byte));
    }
    return words;
}

std::string utf8(char32_t c) {
    const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0 | (c >> 6)), tail(0)};
    if (c < 0x10000) return {static_cast<char>(0xE0 | (c >> 12)), tail(6), tail(0)};
    return {static_cast<char>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
}

}  // namespace

unicode_names::unicode_names(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error(file + " cannot be read: Debian's package unicode-data has it");
    for (std::string line; std::getline(in, line);) {  // code;name;category;...
        const std::size_t end_of_code = line.find(';');
        const std::size_t end_of_name = line.find(';', end_of_code + 1);
        if (end_of_name == std::string::npos) continue;
        std::string name = line.substr(end_of_code + 1, end_of_name - end_of_code - 1);
        if (name.starts_with('<')) continue;  // "<control>" and the ends of ranges are no names
        const auto position = static_cast<std::uint32_t>(characters_.size());
        for (const std::string& word : words_of(name)) {
            auto& positions = by_word_[word];
            if (positions.empty() || positions.back() != position) positions.push_back(position);
        }
        characters_.push_back({static_cast<char32_t>(std::strtoul(line.c_str(), nullptr, 16)), std::move(name)});
    }
}

std::string unicode_names::character::line() const {
    std::array<char, 16> number{};
    std::snprintf(number.data(), number.size(), "U+%04X", static_cast<unsigned>(code));
    return std::string(number.data()) + '\t' + utf8(code) + '\t' + name;
}

std::vector<const unicode_names::character*> unicode_names::find(std::string_view query) const {
    std::vector<std::uint32_t> common;
    bool first = true;
    for (const std::string& word : words_of(query)) {
        const auto found = by_word_.find(word);
        if (found == by_word_.end()) return {};
        if (std::exchange(first, false)) {
            common = found->second;
            continue;
        }
        std::vector<std::uint32_t> both;
        std::ranges::set_intersection(common, found->second, std::back_inserter(both));
        common = std::move(both);
    }
    std::vector<const character*> result;
    result.reserve(common.size());
    for (const std::uint32_t position : common) result.push_back(&characters_[position]);
    return result;
}
