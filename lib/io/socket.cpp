#include <crocus/io/socket.hpp>

#include <cerrno>
#include <string>
#include <system_error>

#include <netinet/tcp.h>

namespace crocus {

namespace {

/// Which address, and what went wrong with it.
[[noreturn]] void fail(const std::system_error& e, const char* operation, const address& a) {
    throw std::system_error(e.code(), std::string(operation) + " " + a.to_string());
}

iovec piece_of(std::span<const std::byte> data) noexcept { return {const_cast<std::byte*>(data.data()), data.size()}; }

}  // namespace

socket::socket(int family, int type) : fd_(event_loop::current().driver().open_socket(family, type, 0)) {}

std::pair<socket, socket> socket::pair(int type) {
    const auto [a, b] = event_loop::current().driver().open_pair(type);
    return {socket(fd(a)), socket(fd(b))};
}

/// In vain for a socket that is no TCP socket.
void socket::send_at_once() noexcept {
    const int on = 1;
    if (const int native = fd_.native(); native >= 0)
        ::setsockopt(native, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void socket::set_option(int level, int option, int value) {
    const int native = fd_.native();
    static_cast<void>(fd_.driver());  // throws if it is closed
    if (native >= 0 && ::setsockopt(native, level, option, &value, sizeof value) != 0)
        throw std::system_error(errno, std::generic_category(), "setsockopt");
}

int socket::get_option(int level, int option) const {
    const int native = fd_.native();
    static_cast<void>(fd_.driver());
    int value = 0;
    socklen_t size = sizeof value;
    if (native >= 0 && ::getsockopt(native, level, option, &value, &size) != 0)
        throw std::system_error(errno, std::generic_category(), "getsockopt");
    return value;
}

void socket::connect(const address& to) {
    try {
        fd_.driver().connect(fd_.handle(), to.data(), to.size());
    } catch (const std::system_error& e) {
        fail(e, "connect to", to);
    }
    if (!to.is_local()) send_at_once();
}

void socket::connect(const std::string& host, std::uint16_t port, resolve_options options) {
    options.family = get_option(SOL_SOCKET, SO_DOMAIN);
    options.type = get_option(SOL_SOCKET, SO_TYPE);
    connect(resolve(host, port, options).front());
}

void socket::bind(const address& to) {
    if (!to.is_local() && get_option(SOL_SOCKET, SO_TYPE) == SOCK_STREAM) set_option(SOL_SOCKET, SO_REUSEADDR, 1);
    if (to.family() == AF_INET6) set_option(IPPROTO_IPV6, IPV6_V6ONLY, 1);
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

void socket::send_all(std::span<const std::byte> data) {
    while (!data.empty()) {
        const iovec piece = piece_of(data);
        data = data.subspan(send({&piece, 1}));
    }
}

namespace {

/// Room for an address, as the driver fills it.
struct address_room {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    [[nodiscard]] sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    /// A Unix socket that is bound to nothing has no address.
    [[nodiscard]] address get() noexcept { return size == 0 ? address::local("") : address(data(), size); }
};

}  // namespace

socket::received socket::recv_from(std::span<std::byte> into) {
    address_room from;
    const std::size_t size = fd_.driver().recv_from(fd_.handle(), into, from.data(), &from.size);
    return {size, from.get()};
}

std::optional<socket::received> socket::try_recv_from(std::span<std::byte> into) {
    address_room from;
    const auto size = fd_.driver().try_recv_from(fd_.handle(), into, from.data(), &from.size);
    if (!size) return std::nullopt;
    return received{*size, from.get()};
}

void socket::send_to(std::span<const std::byte> datagram, const address& to) {
    const iovec piece = piece_of(datagram);
    fd_.driver().send_to(fd_.handle(), {&piece, 1}, to.data(), to.size());
}

bool socket::try_send_to(std::span<const std::byte> datagram, const address& to) {
    const iovec piece = piece_of(datagram);
    return fd_.driver().try_send_to(fd_.handle(), {&piece, 1}, to.data(), to.size());
}

std::optional<std::size_t> socket::send_file(int file, std::uint64_t offset, std::size_t count) {
    return fd_.driver().send_file(fd_.handle(), file, offset, count);
}

void socket::shutdown_send() { fd_.driver().shutdown(fd_.handle(), SHUT_WR); }

address socket::local_address() const {
    address_room a;
    fd_.driver().local_address(fd_.handle(), a.data(), &a.size);
    return a.get();
}

address socket::remote_address() const {
    address_room a;
    fd_.driver().remote_address(fd_.handle(), a.data(), &a.size);
    return a.get();
}

}  // namespace crocus
