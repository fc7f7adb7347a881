// What transports are made over.
#include <exception>
#include <string>
#include <system_error>

#include <sys/stat.h>

#include <crocus/error.hpp>
#include <crocus/transport.hpp>

#include "../server/socket_file.hpp"

namespace crocus::detail {

namespace {

socket of_type(socket given, int type, const char* wanted) {
    const int has = given.get_option(SOL_SOCKET, SO_TYPE);  // 0: of a simulated one
    if (has != 0 && has != type) throw usage_error(std::string("a ") + wanted + " socket is needed here");
    return given;
}

}  // namespace

socket connected_to(const address& to) {
    socket s(to.family());
    s.connect(to);
    return s;
}

socket connected_to(const std::string& host, std::uint16_t port) {
    std::exception_ptr last;
    for (const address& a : resolve(host, port)) {
        try {
            return connected_to(a);
        } catch (const std::system_error&) {
            last = std::current_exception();
        }
    }
    std::rethrow_exception(last);
}

socket stream_socket(socket given) { return of_type(std::move(given), SOCK_STREAM, "stream"); }

socket pipe_end(fd given) {
    struct stat status {};
    const int native = given.native();
    if (native >= 0 && ::fstat(native, &status) == 0 && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode) &&
        !S_ISCHR(status.st_mode))
        throw usage_error("a pipe transport is for pipes, fifos, sockets and terminals; files never wait");
    static_cast<void>(given.driver());  // throws if it is closed
    return socket(std::move(given));
}

datagram_parts open_datagram_socket(const datagram_endpoint_options& options) {
    if (options.local && options.remote && options.local->family() != options.remote->family())
        throw usage_error("a datagram endpoint has two addresses of different families: " + options.local->to_string() +
                          " and " + options.remote->to_string());
    const int family = options.local    ? options.local->family()
                       : options.remote ? options.remote->family()
                                        : options.family;
    if (family == AF_UNSPEC) throw usage_error("a datagram endpoint needs an address, or a family");
    socket s(family, SOCK_DGRAM);
    if (options.reuse_port) s.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.allow_broadcast) s.set_option(SOL_SOCKET, SO_BROADCAST, 1);
    if (options.local) {
        remove_stale_socket(*options.local);
        s.bind(*options.local);
    }
    const bool connected = options.remote && !options.allow_broadcast;
    if (connected) s.connect(*options.remote);
    return {std::move(s), options.remote, connected};
}

datagram_parts given_datagram_socket(socket given) {
    socket s = of_type(std::move(given), SOCK_DGRAM, "datagram");
    std::optional<address> peer;
    try {
        peer = s.remote_address();
    } catch (const std::system_error&) {
        // it is connected to nobody
    }
    const bool connected = peer.has_value();
    return {std::move(s), std::move(peer), connected};
}

}  // namespace crocus::detail
