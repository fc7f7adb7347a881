#include "format.hpp"

#include <cmath>
#include <cstdio>
#include <sstream>
#include <string_view>

namespace compare {

std::string grouped(std::size_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t from_end = 3; from_end < digits.size(); from_end += 4)
        digits.insert(digits.size() - from_end, ",");
    return digits;
}

std::string fixed(double number, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, number);
    return text;
}

std::string readable(double number) {
    if (number >= 99.95) return grouped(static_cast<std::size_t>(std::llround(number)));
    if (number >= 9.995) return fixed(number, 1);
    if (number >= 0.9995 || number == 0) return fixed(number, 2);
    return fixed(number, 3);
}

std::string wrapped(const std::string& text, std::size_t columns) {
    constexpr std::string_view indentation = "  ";
    std::istringstream words(text);
    std::string lines, line;
    for (std::string word; words >> word;) {
        if (!line.empty() && line.size() + 1 + word.size() > columns) {
            lines += line + '\n';
            line = indentation;
            line += word;
        } else {
            line += (line.empty() ? "" : " ") + word;
        }
    }
    return lines + line;
}

double in_mib(std::size_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

std::string mib(std::size_t bytes) { return readable(in_mib(bytes)); }

}  // namespace compare
