// Internet addresses, and names for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include <crocus/config.hpp>

namespace crocus {

/// An IP address and a port.
class CROCUS_EXPORT address {
public:
    /// 0.0.0.0:0
    address() noexcept;

    /// Throws: usage_error   the family is neither AF_INET nor AF_INET6
    address(const sockaddr* a, socklen_t length);

    /// A numeric address: "127.0.0.1", "::1". Never asks a resolver.
    ///
    /// Throws: resolve_error   it is not one
    static address parse(const std::string& numeric, std::uint16_t port);

    /// "127.0.0.1:80", "[::1]:80"
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::string host() const;
    [[nodiscard]] std::uint16_t port() const noexcept;
    void set_port(std::uint16_t port) noexcept;
    [[nodiscard]] int family() const noexcept { return storage_.any.sa_family; }

    [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.any; }
    [[nodiscard]] socklen_t size() const noexcept;

private:
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } storage_;
};

/// The addresses of a host, in the resolver's order. A numeric host is answered at once; a name is looked up on the
/// loop's default executor, so that a slow resolver stops nobody else. "" means all interfaces. (L31)
///
/// Suspends: while a name is looked up
/// Throws:   resolve_error     there is none;   cancelled_error
CROCUS_EXPORT std::vector<address> resolve(const std::string& host, std::uint16_t port);

}  // namespace crocus
