// Where a socket is: internet addresses, and paths; and names for them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <crocus/config.hpp>

namespace crocus {

/// An IP address and a port, or the path of a socket that is local to this machine.
class CROCUS_EXPORT address {
public:
    /// 0.0.0.0:0
    address() noexcept;

    /// Throws: usage_error   the family is none of AF_INET, AF_INET6 and AF_UNIX
    address(const sockaddr* a, socklen_t length);

    /// A numeric address: "127.0.0.1", "::1". Never asks a resolver.
    ///
    /// Throws: resolve_error   it is not one
    static address parse(const std::string& numeric, std::uint16_t port);

    /// A Unix socket's. A path that begins with '\0' is no file's, but a name in the kernel ("abstract"); an empty one is
    /// that of a socket which has none.
    ///
    /// Throws: usage_error   it is longer than the kernel's 107 bytes
    static address local(std::string_view path);

    /// "127.0.0.1:80", "[::1]:80"; a path, with '@' for a '\0'
    [[nodiscard]] std::string to_string() const;
    /// The numeric address; "" for a path.
    [[nodiscard]] std::string host() const;
    /// 0 for a path.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Does nothing for a path.
    void set_port(std::uint16_t port) noexcept;
    /// "" for an internet address.
    [[nodiscard]] std::string_view path() const noexcept;
    [[nodiscard]] bool is_local() const noexcept { return family() == AF_UNIX; }
    [[nodiscard]] int family() const noexcept { return storage_.any.sa_family; }

    [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.any; }
    [[nodiscard]] socklen_t size() const noexcept { return size_; }

    /// The same family, host and port, or path.
    friend CROCUS_EXPORT bool operator==(const address& a, const address& b) noexcept;

private:
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
        sockaddr_un local;
    } storage_;
    socklen_t size_;
};

/// The addresses of a host, in the resolver's order. A numeric host is answered at once; a name is looked up on the
/// loop's default executor, so that a slow resolver stops nobody else. "" means all interfaces. (L31)
///
/// Suspends: while a name is looked up
/// Throws:   resolve_error     there is none;   cancelled_error
CROCUS_EXPORT std::vector<address> resolve(const std::string& host, std::uint16_t port);

}  // namespace crocus
