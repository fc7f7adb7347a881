#include <crocus/io/address.hpp>

#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <netdb.h>

#include <crocus/error.hpp>
#include <crocus/thread_pool.hpp>

namespace crocus {

namespace {

/// Returns getaddrinfo's error code.
int look_up(const std::string& host, std::uint16_t port, int flags, std::vector<address>& found) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error =
        ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &wanted, &list);
    if (error != 0) return error;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) found.emplace_back(a->ai_addr, a->ai_addrlen);
    return 0;
}

/// A plain numeric address, read without the resolver: it takes kilobytes of stack to find out that it is not needed.
std::optional<address> read_numeric(const std::string& host, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
        return address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1)
        return address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    return std::nullopt;
}

[[noreturn]] void fail(const std::string& host, int error) {
    throw resolve_error("cannot find an address for '" + host + "': " + ::gai_strerror(error));
}

}  // namespace

address::address() noexcept : storage_{} { storage_.v4.sin_family = AF_INET; }

address::address(const sockaddr* a, socklen_t length) : storage_{} {
    if (a->sa_family == AF_INET && length >= sizeof(sockaddr_in))
        std::memcpy(&storage_.v4, a, sizeof(sockaddr_in));
    else if (a->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6))
        std::memcpy(&storage_.v6, a, sizeof(sockaddr_in6));
    else
        throw usage_error("crocus::address holds IPv4 and IPv6 only; this one has family " +
                          std::to_string(a->sa_family));
}

address address::parse(const std::string& numeric, std::uint16_t port) {
    if (const auto a = read_numeric(numeric, port)) return *a;
    std::vector<address> found;  // an address with a scope, "fe80::1%eth0"
    if (const int error = look_up(numeric, port, AI_NUMERICHOST, found); error != 0) fail(numeric, error);
    return found.front();
}

std::string address::host() const {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(data(), size(), text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "?";
    return text.data();
}

std::string address::to_string() const {
    const std::string port_text = ":" + std::to_string(port());
    return family() == AF_INET6 ? "[" + host() + "]" + port_text : host() + port_text;
}

std::uint16_t address::port() const noexcept {
    return ntohs(family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

void address::set_port(std::uint16_t port) noexcept {
    (family() == AF_INET6 ? storage_.v6.sin6_port : storage_.v4.sin_port) = htons(port);
}

socklen_t address::size() const noexcept {
    return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::vector<address> resolve(const std::string& host, std::uint16_t port) {
    if (const auto a = read_numeric(host, port)) return {*a};
    std::vector<address> found;
    // A numeric host, or none, asks no resolver.
    if (look_up(host, port, AI_NUMERICHOST | (host.empty() ? AI_PASSIVE : 0), found) == 0) return found;
    const int error = to_thread([&] { return look_up(host, port, 0, found); });
    if (error != 0) fail(host, error);
    return found;
}

}  // namespace crocus
