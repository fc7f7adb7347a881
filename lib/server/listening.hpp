// Where a server listens: its sockets, and a Unix socket's file.
#pragma once

#include <string>
#include <vector>

#include <sys/stat.h>

#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/server.hpp>

namespace crocus::detail {

/// Sockets that are bound to these, in order, and do not listen yet. Addresses that this machine has not are left out; if
/// there are no others, that is the error.
std::vector<socket> bind_all(std::vector<address> to, const server_options& options);

/// One that is bound to a path. What is left of another server there is removed first.
socket bind_local(const address& to);

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
