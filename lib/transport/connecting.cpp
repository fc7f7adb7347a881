// What transports are made over.
#include <string>

#include <sys/stat.h>

#include <crocus/error.hpp>
#include <crocus/transport.hpp>

#include "../datagram/opening.hpp"

namespace crocus::detail {

namespace {

socket of_type(socket given, int type, const char* wanted) {
    const int has = given.get_option(SOL_SOCKET, SO_TYPE);  // 0: of a simulated one
    if (has != 0 && has != type) throw usage_error(std::string("a ") + wanted + " socket is needed here");
    return given;
}

}  // namespace

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
    socket s = open_datagram_socket(options.local_address, options.remote_address, options.family,
                                    options.allow_broadcast, options.reuse_port);
    const bool connected = options.remote_address && !options.allow_broadcast;
    return {std::move(s), options.remote_address, connected};
}

datagram_parts given_datagram_socket(socket given) {
    socket s = of_type(std::move(given), SOCK_DGRAM, "datagram");
    std::optional<address> peer = peer_of(s);
    const bool connected = peer.has_value();
    return {std::move(s), std::move(peer), connected};
}

}  // namespace crocus::detail
