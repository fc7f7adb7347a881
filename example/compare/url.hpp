// Where the flags are: http://host[:port][/path].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace compare {

struct url {
    std::string host;
    std::uint16_t port = 80;
    std::string path;  // "" or "/…", without a slash at its end

    /// Throws: failure   this is no http URL
    static url parse(std::string_view text);

    [[nodiscard]] std::string to_string() const;
};

}  // namespace compare
