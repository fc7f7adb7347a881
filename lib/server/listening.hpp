// Where a server listens: its sockets, and a Unix socket's file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>

namespace crocus::detail {

/// What servers of every kind are told.
struct listen_options {
    template <class Options>
    explicit listen_options(const Options& of)
        : backlog(of.backlog),
          max_connections(of.max_connections),
          reuse_port(of.reuse_port),
          keep_alive(of.keep_alive),
          ipv6_only(of.ipv6_only),
          remove_socket_file(of.remove_socket_file) {}

    int backlog;
    std::size_t max_connections;
    bool reuse_port;
    bool keep_alive;
    bool ipv6_only;
    bool remove_socket_file;
};

/// The addresses of all of these hosts.
///
/// Suspends: while a name is looked up
std::vector<address> addresses_of(std::span<const std::string> hosts, std::uint16_t port);

/// Sockets that are bound to these, in order, and do not listen yet. Addresses that this machine has not are left out; if
/// there are no others, that is the error.
std::vector<socket> bind_all(std::vector<address> to, const listen_options& options);

/// One that is bound to a path. What is left of another server there is removed first.
///
/// Throws: usage_error   the options say what a path has not
std::vector<socket> bind_local(const address& to, const listen_options& options);

/// Throws: usage_error   it is no stream socket
std::vector<socket> bound_already(socket s);

/// The file that a Unix socket was bound to; none for an abstract name.
class socket_file {
public:
    socket_file() noexcept = default;
    explicit socket_file(const socket& bound);

    /// Unless another one stands in its place.
    void remove() noexcept;

private:
    std::string path_;
    struct ::stat made_ {};
};

}  // namespace crocus::detail
