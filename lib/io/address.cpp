#include <crocus/io/address.hpp>

#include <array>
#include <cstddef>
#include <cstring>

#include <netdb.h>

#include <crocus/error.hpp>

#include "address/resolver.hpp"

namespace crocus {

namespace {

constexpr socklen_t path_offset = offsetof(sockaddr_un, sun_path);

/// What the kernel needs of an address of this family; 0 for one that is not known here.
socklen_t least_size(sa_family_t family) noexcept {
    switch (family) {
        case AF_INET: return sizeof(sockaddr_in);
        case AF_INET6: return sizeof(sockaddr_in6);
        case AF_UNIX: return path_offset;
        default: return 0;
    }
}

}  // namespace

address::address() noexcept : storage_{}, size_(sizeof(sockaddr_in)) { storage_.v4.sin_family = AF_INET; }

address::address(const sockaddr* a, socklen_t length) : storage_{}, size_(length) {
    const socklen_t least = length >= sizeof(sa_family_t) ? least_size(a->sa_family) : 0;
    if (least != path_offset) size_ = least;
    if (least == 0 || length < least || size_ > sizeof storage_)
        throw usage_error("crocus::address holds IPv4, IPv6 and Unix addresses; this one has family " +
                          std::to_string(length >= sizeof(sa_family_t) ? a->sa_family : AF_UNSPEC));
    std::memcpy(&storage_, a, size_);
}

address address::local(std::string_view path) {
    address a;
    a.storage_.local = {};
    a.storage_.local.sun_family = AF_UNIX;
    // A path ends with a '\0', a name does not.
    const std::size_t end = path.empty() || path.front() == '\0' ? 0 : 1;
    if (path.size() + end > sizeof a.storage_.local.sun_path)
        throw usage_error("the path of a Unix socket has 107 bytes at most, this one " + std::to_string(path.size()) +
                          ": " + std::string(path));
    path.copy(a.storage_.local.sun_path, path.size());
    a.size_ = static_cast<socklen_t>(path_offset + path.size() + end);
    return a;
}

bool operator==(const address& a, const address& b) noexcept {
    if (a.family() != b.family()) return false;
    if (a.is_local()) return a.path() == b.path();
    if (a.port() != b.port()) return false;
    if (a.family() == AF_INET) return a.storage_.v4.sin_addr.s_addr == b.storage_.v4.sin_addr.s_addr;
    return std::memcmp(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr, sizeof(in6_addr)) == 0 &&
           a.storage_.v6.sin6_scope_id == b.storage_.v6.sin6_scope_id;
}

address address::parse(const std::string& numeric, std::uint16_t port) {
    if (const auto a = detail::read_numeric(numeric, port)) return *a;
    detail::look_up_result found =  // an address with a scope, "fe80::1%eth0"
        detail::ask_system(numeric, std::to_string(port), {.flags = AI_NUMERICHOST | AI_NUMERICSERV});
    if (found.error != 0) detail::throw_unresolved(numeric, found);
    return found.addresses.front();
}

std::string address::host() const {
    if (is_local()) return {};
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(data(), size(), text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "?";
    return text.data();
}

std::string_view address::path() const noexcept {
    if (!is_local() || size_ <= path_offset) return {};
    const std::string_view all(storage_.local.sun_path, size_ - path_offset);
    return all.front() == '\0' ? all : all.substr(0, all.find('\0'));
}

std::string address::to_string() const {
    if (is_local()) {
        std::string text(path());
        for (char& c : text)
            if (c == '\0') c = '@';
        return text;
    }
    const std::string port_text = ":" + std::to_string(port());
    return family() == AF_INET6 ? "[" + host() + "]" + port_text : host() + port_text;
}

std::uint16_t address::port() const noexcept {
    if (is_local()) return 0;
    return ntohs(family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

void address::set_port(std::uint16_t port) noexcept {
    if (is_local()) return;
    (family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port) = htons(port);
}

}  // namespace crocus
