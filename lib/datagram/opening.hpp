// A datagram socket between two addresses, either of which may be left out.
#pragma once

#include <optional>

#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>

namespace crocus::detail {

/// Bound to the one and connected to the other, unless it may broadcast. A socket file that a program has left behind at
/// a local path is removed.
///
/// Throws: usage_error   neither an address nor a family; addresses of different families; a path's port to be shared
///         std::system_error
socket open_datagram_socket(const std::optional<address>& local, const std::optional<address>& remote, int family,
                            bool allow_broadcast, bool reuse_port);

/// What a socket is connected to.
std::optional<address> peer_of(const socket& s);

}  // namespace crocus::detail
