#include "opening.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <crocus/error.hpp>

namespace crocus::detail {

namespace {

/// Removes the file of a socket whose program has ended without doing so.
void remove_stale(const address& local) {
    const std::string path(local.path());
    struct stat found {};
    if (path.empty() || path.front() == '\0' || ::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
    const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) return;
    const bool is_stale = ::connect(probe, local.data(), local.size()) != 0 && errno == ECONNREFUSED;
    ::close(probe);
    if (is_stale) ::unlink(path.c_str());
}

/// That of the addresses, or else of the options.
int family_of(const std::optional<address>& local, const std::optional<address>& remote, int otherwise) {
    const int family = local ? local->family() : remote ? remote->family() : otherwise;
    if (family == AF_UNSPEC) throw usage_error("a datagram endpoint: give an address, local or remote, or a family");
    if (remote && remote->family() != family)
        throw usage_error("a datagram endpoint: " + local->to_string() + " cannot send to " + remote->to_string() +
                          ": their families differ");
    if (otherwise != AF_UNSPEC && otherwise != family)
        throw usage_error("a datagram endpoint: the family is another one than that of the addresses");
    return family;
}

}  // namespace

socket open_datagram_socket(const std::optional<address>& local, const std::optional<address>& remote, int family,
                            bool allow_broadcast, bool reuse_port) {
    family = family_of(local, remote, family);
    if (reuse_port && family == AF_UNIX)
        throw usage_error("a datagram endpoint: reuse_port is for internet addresses, a path has no port");
    socket s(family, SOCK_DGRAM);
    if (reuse_port) s.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
    if (allow_broadcast) s.set_option(SOL_SOCKET, SO_BROADCAST, 1);
    if (local) {
        if (local->is_local() && s.descriptor().native() >= 0) remove_stale(*local);
        s.bind(*local);
    }
    if (remote && !allow_broadcast) s.connect(*remote);
    return s;
}

std::optional<address> peer_of(const socket& s) {
    try {
        return s.remote_address();
    } catch (const std::system_error&) {
        return std::nullopt;
    }
}

}  // namespace crocus::detail
