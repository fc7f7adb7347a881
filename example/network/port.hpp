// The port that a server of these examples is asked to listen on.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

/// The first argument, if there is one. What is no port ends the program with a message.
inline std::optional<std::uint16_t> port_of(int argc, char** argv) {
    if (argc < 2) return std::nullopt;
    std::uint16_t port = 0;
    const char* const end = argv[1] + std::strlen(argv[1]);
    if (const auto [rest, error] = std::from_chars(argv[1], end, port); error == std::errc{} && rest == end) return port;
    std::cerr << argv[0] << ": \"" << argv[1] << "\" is no port: a number from 0 to 65535 is\n";
    std::exit(2);
}
