#include "listening.hpp"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <crocus/error.hpp>

namespace crocus::detail {

namespace {

constexpr int attempts_to_share_a_port = 16;

void bind(socket& s, const address& to) {
    const fd& descriptor = s.descriptor();
    try {
        descriptor.driver().bind(descriptor.handle(), to.data(), to.size());
    } catch (const std::system_error& e) {
        throw std::system_error(e.code(), "a server cannot be bound to " + to.to_string());
    }
}

socket bind_one(const address& to, const server_options& options) {
    socket s(to.family());
    s.set_option(SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port) s.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.keep_alive) s.set_option(SOL_SOCKET, SO_KEEPALIVE, 1);  // accepted ones have it from there
    if (to.family() == AF_INET6) s.set_option(IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0);
    bind(s, to);
    return s;
}

bool is_missing_here(const std::error_code& error) {
    return error == std::errc::address_not_available || error == std::errc::address_family_not_supported;
}

std::vector<socket> bind_each(const std::vector<address>& to, const server_options& options) {
    std::vector<socket> bound;
    std::optional<std::system_error> missing;
    for (address a : to) {
        if (a.port() == 0 && !bound.empty()) a.set_port(bound.front().local_address().port());
        try {
            bound.push_back(bind_one(a, options));
        } catch (const std::system_error& e) {
            if (!is_missing_here(e.code())) throw;
            missing = e;
        }
    }
    if (bound.empty()) throw *missing;
    return bound;
}

}  // namespace

std::vector<socket> bind_all(std::vector<address> to, const server_options& options) {
    for (auto last = to.begin(); last != to.end(); ++last)  // a host may stand for what another names
        to.erase(std::remove(last + 1, to.end(), address(*last)), to.end());
    const bool port_is_drawn = to.front().port() == 0 && to.size() > 1;
    for (int left = port_is_drawn ? attempts_to_share_a_port : 1;;) {
        try {
            return bind_each(to, options);
        } catch (const std::system_error& e) {
            // The port that the system chose for the first is somebody's at another address.
            if (--left == 0 || e.code() != std::errc::address_in_use) throw;
        }
    }
}

socket bind_local(const address& to) {
    const std::string path(to.path());
    socket s(AF_UNIX);
    struct ::stat there {};
    if (s.descriptor().native() >= 0 && !path.starts_with('\0') && ::stat(path.c_str(), &there) == 0 &&
        S_ISSOCK(there.st_mode))
        ::unlink(path.c_str());  // if it cannot be removed, bind says so
    bind(s, to);
    return s;
}

socket_file::socket_file(const socket& bound) {
    const std::string path(bound.local_address().path());
    if (bound.descriptor().native() >= 0 && !path.empty() && path.front() != '\0' && ::stat(path.c_str(), &made_) == 0)
        path_ = path;
}

void socket_file::remove() noexcept {
    struct ::stat there {};
    if (path_.empty() || ::stat(path_.c_str(), &there) != 0) return;
    if (there.st_dev == made_.st_dev && there.st_ino == made_.st_ino) ::unlink(path_.c_str());
    path_.clear();
}

}  // namespace crocus::detail
