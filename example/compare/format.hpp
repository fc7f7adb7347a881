// Figures as people read them.
#pragma once

#include <cstddef>
#include <string>

namespace compare {

/// 12345 -> "12,345"
std::string grouped(std::size_t number);

/// With a fixed number of decimals.
std::string fixed(double number, int decimals);

/// With three significant digits, or three decimals, at most: "0.012", "1.23", "12.3", "1,234".
std::string readable(double number);

/// Broken into lines of at most so many columns; those after the first are indented.
std::string wrapped(const std::string& text, std::size_t columns);

double in_mib(std::size_t bytes);

/// Bytes as MiB, readable().
std::string mib(std::size_t bytes);

}  // namespace compare
