// What tests of servers stand on.
#pragma once

#include <string>

#include <crocus/server.hpp>
#include <crocus/stream.hpp>

#include "streams.hpp"

namespace crocus::test {

inline void echo_lines(stream& s) {
    for (std::string line = s.read_line(); !line.empty(); line = s.read_line()) s.write({"echo ", line});
}

inline stream connect(const server& to) { return open_connection("127.0.0.1", to.port()); }

/// What the server answers to a line.
inline std::string echo_of(stream& s, const std::string& text) {
    s.write({text, "\n"});
    return s.read_line();
}

}  // namespace crocus::test
