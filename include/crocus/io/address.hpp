// Where a socket is: internet addresses, and paths; and names for them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <crocus/config.hpp>
#include <crocus/executor.hpp>

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

struct resolve_options {
    int family = AF_UNSPEC;     // AF_INET or AF_INET6: addresses of this family alone
    int type = SOCK_STREAM;     // of the sockets that they are for: a service's port may depend on it
    int flags = 0;              // getaddrinfo's: AI_V4MAPPED, AI_ALL, AI_ADDRCONFIG
    executor* where = nullptr;  // runs the look-up; null: threads that are there for nothing else

    /// Asked in place of the system's resolver, on the thread of a look-up; throws resolve_error where it knows of none.
    std::function<std::vector<address>(const std::string& host, const std::string& service)> resolver = {};
};

/// The addresses of a host, in the resolver's order, each once. A numeric host, or "", which stands for all interfaces,
/// is answered at once. A name is what the loop's driver knows of it, or else is looked up on another thread, so that a
/// slow resolver stops nobody. (L31)
///
/// A look-up cannot be ended. Who is cancelled, or has a time limit, does not wait for it: it goes on with what it owns,
/// and its result is dropped. So it does not run on the loop's default executor, whose calls the end of the loop waits
/// for. 32 look-ups of a process run at once, the next ones wait for their turn, in which they can be taken back.
///
/// Suspends: while a name is looked up
/// Throws:   resolve_error     there is none;   cancelled_error;   what an executor or resolver of one's own throws
CROCUS_EXPORT std::vector<address> resolve(const std::string& host, std::uint16_t port,
                                           const resolve_options& options = {});

/// The same for a service of a name, "http", or of a number, "80"; "" is 0. Names of services are looked up too.
CROCUS_EXPORT std::vector<address> resolve(const std::string& host, const std::string& service,
                                           const resolve_options& options = {});

struct host_name {
    std::string host;
    std::string service;
};

struct name_options {
    bool numeric_host = false;
    bool numeric_service = false;
    bool required = false;      // where there is no name: an error, not the numeric address
    bool datagram = false;      // the service is that of datagrams, where they differ
    executor* where = nullptr;  // as in resolve_options

    /// Asked in place of the system's resolver.
    std::function<host_name(const address& of)> resolver = {};
};

/// The names of an address and of its port; at once if both are to be numeric. Cancelled as resolve is. (L31)
///
/// Suspends: while they are looked up
/// Throws:   resolve_error     there is no name, and one is required;   cancelled_error
///           usage_error       it is a path
CROCUS_EXPORT host_name name_of(const address& of, const name_options& options = {});

}  // namespace crocus
