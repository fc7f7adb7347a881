// Sockets, unbuffered: what streams, servers and datagram endpoints are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/io_driver.hpp>

namespace crocus {

/// A socket of any kind (loop.sock_*). Its operations suspend the calling task, never the thread; those that begin with
/// try_ suspend nobody. They throw std::system_error with the name of what failed, closed_error once it was closed, and
/// cancelled_error. The system call comes first, and only where it would wait is the kernel asked to say when. (L46)
class CROCUS_EXPORT socket {
public:
    /// None.
    socket() noexcept = default;

    /// A new one. `family`: AF_INET, AF_INET6 or AF_UNIX; `type`: SOCK_STREAM or SOCK_DGRAM.
    ///
    /// Throws: std::system_error   no descriptor is left
    explicit socket(int family, int type = SOCK_STREAM);

    /// Takes over one that is open.
    explicit socket(fd owned) noexcept : fd_(std::move(owned)) {}

    /// Two that are connected to each other (socket.socketpair).
    static std::pair<socket, socket> pair(int type = SOCK_STREAM);

    /// Of a stream, small messages are sent at once from then on (TCP_NODELAY, R14).
    ///
    /// Suspends: until the peer accepts or refuses
    void connect(const address& to);

    /// The same for the first address that a host has for a socket of this family and type. (L47)
    ///
    /// Throws: resolve_error   it has none
    void connect(const std::string& host, std::uint16_t port, resolve_options options = {});

    /// Lets a new server use the port of one that has just ended (SO_REUSEADDR; not for datagrams, which a stranger could
    /// get then); an IPv6 address stands for itself alone (IPV6_V6ONLY).
    void bind(const address& to);

    /// `backlog`: connections that the kernel holds until they are accepted.
    void listen(int backlog);

    /// Suspends: until somebody connects. Small messages of the new socket are sent at once (TCP_NODELAY, R14).
    socket accept();

    /// At least one byte; 0 at the end of the stream. A datagram's beginning.
    ///
    /// Suspends: while there is nothing to read
    std::size_t recv(std::span<std::byte> into) { return fd_.driver().recv(fd_.handle(), into); }
    /// Nothing if it would wait.
    std::optional<std::size_t> try_recv(std::span<std::byte> into) {
        return fd_.driver().try_recv(fd_.handle(), into);
    }

    /// Sends at least one byte of the pieces, in order, and returns how many.
    ///
    /// Suspends: while the peer takes nothing
    std::size_t send(std::span<const iovec> pieces) { return fd_.driver().send(fd_.handle(), pieces); }
    /// Nothing if it would wait.
    std::optional<std::size_t> try_send(std::span<const iovec> pieces) {
        return fd_.driver().try_send(fd_.handle(), pieces);
    }

    /// All of it (sock_sendall).
    ///
    /// Suspends: while the peer takes no more
    /// After:    cancelled_error: a part may have been sent
    void send_all(std::span<const std::byte> data);

    /// One datagram. Its size is what it had when it was sent: more than `into` has means that the rest is lost.
    struct received {
        std::size_t size;
        address from;
    };
    /// Suspends: until one comes
    received recv_from(std::span<std::byte> into);
    /// Nothing if it would wait.
    std::optional<received> try_recv_from(std::span<std::byte> into);

    /// A datagram, as a whole.
    ///
    /// Suspends: while the system takes nothing
    void send_to(std::span<const std::byte> datagram, const address& to);
    /// False if it would wait.
    bool try_send_to(std::span<const std::byte> datagram, const address& to);

    /// At least one byte of a file, from `offset` on, without a copy of it in this process; 0 at the file's end. Nothing
    /// if this cannot be done with this file or driver: read it, and send. (sock_sendfile, L48)
    ///
    /// Suspends: while the peer takes nothing
    std::optional<std::size_t> send_file(int file, std::uint64_t offset, std::size_t count);

    /// Tells the peer that no more will come (half-close).
    void shutdown_send();

    /// Wakes all who wait on it with closed_error. Idempotent.
    void close() noexcept { fd_.close(); }
    /// The same; the peer is told that the connection was broken off.
    void abort() noexcept { fd_.abort(); }
    [[nodiscard]] bool is_open() const noexcept { return fd_.is_open(); }

    [[nodiscard]] address local_address() const;
    [[nodiscard]] address remote_address() const;

    /// setsockopt and getsockopt of a number. A simulated socket knows none: nothing happens, and 0 is what it has.
    void set_option(int level, int option, int value);
    [[nodiscard]] int get_option(int level, int option) const;

    [[nodiscard]] const fd& descriptor() const& noexcept { return fd_; }
    /// Gives the descriptor away.
    [[nodiscard]] fd descriptor() && noexcept { return std::move(fd_); }

private:
    void send_at_once() noexcept;

    fd fd_;
};

}  // namespace crocus
