// Seeds that the environment names.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include <crocus/error.hpp>

namespace crocus::testing {

inline std::optional<std::uint64_t> number_in_environment(const char* name) {
    const char* const text = std::getenv(name);
    if (text == nullptr || *text == '\0') return std::nullopt;
    errno = 0;
    const auto number = std::strtoull(text, nullptr, 10);
    if (text[std::strspn(text, "0123456789")] != '\0' || errno != 0)
        throw usage_error(std::string(name) + "=" + text + " is no number: a seed is one of 64 bits");
    return number;
}

}  // namespace crocus::testing
