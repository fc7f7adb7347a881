// Stream sockets, unbuffered: what streams and servers are made of.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/io_driver.hpp>

namespace crocus {

/// A TCP socket. Its operations suspend the calling task, never the thread; they throw std::system_error with the name of
/// what failed, closed_error once it was closed, and cancelled_error.
class CROCUS_EXPORT socket {
public:
    /// None.
    socket() noexcept = default;

    /// A new one. `family`: AF_INET or AF_INET6.
    explicit socket(int family);

    /// Takes over a connected or listening one.
    explicit socket(fd owned) noexcept : fd_(std::move(owned)) {}

    /// Suspends: until the peer accepts or refuses
    void connect(const address& to);

    /// Lets a new server use the port of one that has just ended (SO_REUSEADDR).
    void bind(const address& to);

    /// `backlog`: connections that the kernel holds until they are accepted.
    void listen(int backlog);

    /// Suspends: until somebody connects. Small messages of the new socket are sent at once (TCP_NODELAY, R14).
    socket accept();

    /// At least one byte; 0 at the end of the stream.
    ///
    /// Suspends: while there is nothing to read
    std::size_t recv(std::span<std::byte> into);

    /// Sends at least one byte of the pieces, in order, and returns how many.
    ///
    /// Suspends: while the peer takes nothing
    std::size_t send(std::span<const iovec> pieces);

    /// Tells the peer that no more will come (half-close).
    void shutdown_send();

    /// Wakes all who wait on it with closed_error. Idempotent.
    void close() noexcept { fd_.close(); }
    [[nodiscard]] bool is_open() const noexcept { return fd_.is_open(); }

    [[nodiscard]] address local_address() const;
    [[nodiscard]] address remote_address() const;

    [[nodiscard]] const fd& descriptor() const noexcept { return fd_; }

private:
    void send_at_once() const noexcept;

    fd fd_;
};

}  // namespace crocus
