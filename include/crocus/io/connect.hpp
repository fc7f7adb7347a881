// From a host's name to a connected socket: several addresses, the first that accepts (RFC 8305).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>

namespace crocus {

struct connect_options {
    /// The next address is tried, beside the one before, when that has not answered by then. Nothing: in turn, each
    /// when the one before has failed.
    std::optional<duration> happy_eyeballs_delay = std::chrono::milliseconds(250);

    /// So many addresses of the resolver's preferred family come first, then the families take turns; 0: the resolver's
    /// order.
    std::size_t first_address_family_count = 1;

    std::optional<address> local_address = {};  // bound to; addresses of its family alone are tried
    bool all_errors = false;                    // where all have failed: an exception_group, even of one
    resolve_options resolve = {};
};

/// The order in which addresses are tried.
[[nodiscard]] CROCUS_EXPORT std::vector<address> interleave(std::vector<address> addresses,
                                                            std::size_t first_address_family_count = 1);

/// Connects to the first of these addresses that accepts. Attempts that are under way then are cancelled; when this
/// returns or throws they have ended, and their sockets are closed. (L32, L34)
///
/// Suspends: until one accepts, or all have failed
/// Throws:   std::system_error   none accepts: the reason, if it is one; else the first one's code, and a message that
///                               lists all addresses and reasons
///           exception_group     the same with all_errors: what each failed with
///           usage_error         there is no address;   cancelled_error
CROCUS_EXPORT socket connect(std::span<const address> addresses, const connect_options& options = {});

/// The same for a host and a port, or a service.
///
/// Throws: resolve_error   the name has no address
CROCUS_EXPORT socket connect(const std::string& host, std::uint16_t port, const connect_options& options = {});
CROCUS_EXPORT socket connect(const std::string& host, const std::string& service, const connect_options& options = {});

}  // namespace crocus
