// Messages that come whole or not at all: UDP, and Unix sockets of that kind (create_datagram_endpoint).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>

namespace crocus {

struct datagram {
    std::string data;
    address from;
    bool truncated = false;  // it was longer than datagram_options::max_size, and the rest is lost
};

struct datagram_options {
    int family = AF_UNSPEC;         // needed where there is no address
    bool allow_broadcast = false;   // a whole network can be sent to; the endpoint is not connected
    bool reuse_port = false;        // several sockets of this user may be bound to the address, and share what comes
    std::size_t max_size = 65'536;  // of what receive() gives: more than any UDP datagram has
};

/// A socket that sends and receives datagrams. Nobody says whether one has arrived, and they may overtake each other.
/// Any number of tasks may send and receive at once; each datagram goes to one of them.
///
/// A UDP datagram has 65,507 bytes at most over IPv4, 65,527 over IPv6; that of a Unix socket what its buffer holds
/// (SO_SNDBUF). An empty one is one too. (L43, R17)
///
/// Operations throw closed_error, cancelled_error, and std::system_error: also for what an earlier datagram has met,
/// since a connected endpoint learns that its peer refused it (connection_refused), at the next call. That call did
/// nothing, and the endpoint can be used further.
///
/// Requires: nobody receives from it while it is moved or destroyed
class CROCUS_EXPORT datagram_endpoint {
public:
    /// Takes over a socket, with the address that it is connected to, if it is.
    explicit datagram_endpoint(socket owned, std::size_t max_size = datagram_options().max_size);

    /// Suspends: until one comes
    datagram receive();
    /// Nothing if none is there.
    std::optional<datagram> try_receive();

    /// Into a buffer of the caller. `size` is the datagram's own: more than the buffer has means that it is truncated.
    struct received {
        std::size_t size;
        address from;
        bool truncated;
    };
    /// Suspends: until one comes
    received receive(std::span<char> into);
    /// Nothing if none is there.
    std::optional<received> try_receive(std::span<char> into);

    /// To the remote address that it was opened with.
    ///
    /// Suspends: while the system takes nothing
    /// Throws:   usage_error         it has none
    ///           std::system_error   message_size: it is too large; else nobody was reached, or an earlier
    ///                               one was refused
    void send(std::string_view data);
    /// False if it would wait.
    bool try_send(std::string_view data);

    /// To `to`.
    ///
    /// Suspends: while the system takes nothing
    /// Throws:   usage_error   it is connected to another address;   std::system_error   as above
    void send(std::string_view data, const address& to);
    /// False if it would wait.
    bool try_send(std::string_view data, const address& to);

    /// Wakes all who wait on it with closed_error. Idempotent.
    void close() noexcept { socket_.close(); }
    [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }

    [[nodiscard]] address local_address() const { return socket_.local_address(); }
    /// Nothing if it was opened without one.
    [[nodiscard]] const std::optional<address>& remote_address() const noexcept { return remote_; }

    /// For options.
    [[nodiscard]] socket& get_socket() noexcept { return socket_; }

private:
    friend CROCUS_EXPORT datagram_endpoint open_datagram(const std::optional<address>& local,
                                                         const std::optional<address>& remote,
                                                         const datagram_options& options);
    class receiving;

    [[nodiscard]] const address& destination() const;
    void require_reachable(const address& to) const;

    socket socket_;
    std::size_t max_size_;
    std::string spare_;  // room for a datagram, while nobody receives
    std::optional<address> remote_;
    bool connected_ = false;
};

/// An endpoint that is bound to `local`, if given, and sends to `remote`, if given; then it receives from there alone,
/// unless it may broadcast. Addresses of hosts are resolve's, with .type = SOCK_DGRAM.
///
/// A socket file that a program has left behind at a local path is removed, if nobody is behind it any more, and
/// nothing else is. It stays there when the endpoint is closed.
///
/// Throws: usage_error         neither an address nor a family; addresses of different families; a port to be shared of
///                             what is none
///         std::system_error   "bind to ..." and the like
CROCUS_EXPORT datagram_endpoint open_datagram(const std::optional<address>& local,
                                              const std::optional<address>& remote = std::nullopt,
                                              const datagram_options& options = {});

}  // namespace crocus
