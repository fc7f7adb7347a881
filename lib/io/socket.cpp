#include <crocus/io/socket.hpp>

#include <system_error>

#include <netinet/tcp.h>

namespace crocus {

namespace {

/// Which address, and what went wrong with it.
[[noreturn]] void fail(const std::system_error& e, const char* operation, const address& a) {
    throw std::system_error(e.code(), std::string(operation) + " " + a.to_string());
}

void set_flag(int native, int level, int option) noexcept {
    const int on = 1;
    if (native >= 0) ::setsockopt(native, level, option, &on, sizeof on);
}

}  // namespace

socket::socket(int family) : fd_(event_loop::current().driver().open_socket(family, SOCK_STREAM, 0)) {}

void socket::send_at_once() const noexcept { set_flag(fd_.native(), IPPROTO_TCP, TCP_NODELAY); }

void socket::connect(const address& to) {
    try {
        fd_.driver().connect(fd_.handle(), to.data(), to.size());
    } catch (const std::system_error& e) {
        fail(e, "connect to", to);
    }
    send_at_once();
}

void socket::bind(const address& to) {
    set_flag(fd_.native(), SOL_SOCKET, SO_REUSEADDR);
    if (to.family() == AF_INET6) set_flag(fd_.native(), IPPROTO_IPV6, IPV6_V6ONLY);
    try {
        fd_.driver().bind(fd_.handle(), to.data(), to.size());
    } catch (const std::system_error& e) {
        fail(e, "bind to", to);
    }
}

void socket::listen(int backlog) { fd_.driver().listen(fd_.handle(), backlog); }

socket socket::accept() {
    socket s{fd(fd_.driver().accept(fd_.handle()))};
    s.send_at_once();
    return s;
}

std::size_t socket::recv(std::span<std::byte> into) { return fd_.driver().recv(fd_.handle(), into); }

std::size_t socket::send(std::span<const iovec> pieces) { return fd_.driver().send(fd_.handle(), pieces); }

void socket::shutdown_send() { fd_.driver().shutdown(fd_.handle(), SHUT_WR); }

address socket::local_address() const {
    sockaddr_storage a{};
    socklen_t size = sizeof a;
    fd_.driver().local_address(fd_.handle(), reinterpret_cast<sockaddr*>(&a), &size);
    return {reinterpret_cast<sockaddr*>(&a), size};
}

address socket::remote_address() const {
    sockaddr_storage a{};
    socklen_t size = sizeof a;
    fd_.driver().remote_address(fd_.handle(), reinterpret_cast<sockaddr*>(&a), &size);
    return {reinterpret_cast<sockaddr*>(&a), size};
}

}  // namespace crocus
