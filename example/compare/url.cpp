#include "url.hpp"

#include <charconv>

#include "failure.hpp"

namespace compare {
namespace {

[[noreturn]] void reject(std::string_view text, const std::string& why) {
    throw failure("--base-url " + std::string(text) + ": " + why + ": give http://host[:port][/path]");
}

}  // namespace

url url::parse(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) reject(text, "not an http:// address");
    if (text.find_first_of(" \t\r\n?#@") != text.npos) reject(text, "a blank, '?', '#' or '@' in it");

    const std::string_view rest = text.substr(scheme.size());
    const std::size_t slash = rest.find('/');
    std::string_view authority = rest.substr(0, slash);
    url result;
    if (slash != rest.npos) result.path = rest.substr(slash);
    while (result.path.ends_with('/')) result.path.pop_back();

    std::size_t host_end = authority.rfind(':');
    if (authority.starts_with('[')) {  // [::1]:8000
        const std::size_t bracket = authority.find(']');
        if (bracket == authority.npos) reject(text, "'[' without ']'");
        result.host = authority.substr(1, bracket - 1);
        host_end = bracket + 1 < authority.size() ? bracket + 1 : authority.npos;
        if (host_end != authority.npos && authority[host_end] != ':') reject(text, "']' must be followed by ':port'");
    } else {
        result.host = authority.substr(0, host_end);
    }
    if (result.host.empty()) reject(text, "no host");

    if (host_end != authority.npos) {
        const std::string_view digits = authority.substr(host_end + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
        if (error != std::errc{} || end != digits.data() + digits.size() || result.port == 0)
            reject(text, "the port is not a number from 1 to 65535");
    }
    return result;
}

std::string url::to_string() const {
    const bool ipv6 = host.find(':') != host.npos;
    return "http://" + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + path;
}

}  // namespace compare
