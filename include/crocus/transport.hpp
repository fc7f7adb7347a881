// Transports: connections that call a protocol (asyncio.Transport).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/connect.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/protocol.hpp>
#include <crocus/stack.hpp>

namespace crocus {

struct transport_options {
    std::size_t stack_size = stack::default_size();  // bytes, of the task that calls the protocol
};

/// A handle: copies refer to the same connection, which lives until it is closed, aborted or broken, or its loop ends;
/// letting handles go does not end it. It keeps its protocol until connection_lost has returned, and lets go of it
/// then, so the two may refer to each other. (R16)
///
/// Nothing here suspends unless it says so: it can be called in callbacks.
///
/// Thread: the loop's own.
class CROCUS_EXPORT base_transport {
public:
    /// None: all but the test for it throw usage_error.
    base_transport() noexcept = default;
    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

    /// Reads no more, sends what is in the buffer, closes the descriptor, and then connection_lost(nullptr) comes.
    /// Idempotent. (R1)
    void close() const;

    /// Drops the buffer and closes the descriptor at once: the peer of a connection gets ECONNRESET. Then
    /// connection_lost(nullptr) comes. Idempotent. (R3)
    void abort() const;

    /// It was closed or aborted, or the connection is lost.
    [[nodiscard]] bool is_closing() const;

    /// Where it was when it was made: also after its end. Nothing where it has none: a pipe. (R2)
    [[nodiscard]] const std::optional<address>& local_address() const;
    [[nodiscard]] const std::optional<address>& remote_address() const;

    /// For its options; closed at the end. To read or write it is the transport's affair.
    [[nodiscard]] const crocus::socket& get_socket() const;

    struct write_buffer_limits {
        std::size_t low;
        std::size_t high;
    };

    /// More than `high` bytes in the buffer pause the protocol, `low` let it go on: 64 and 16 KiB, unless set. Without
    /// `low` a quarter of high; without `high` 4 times low. Pauses it now if there is more already. (R9)
    ///
    /// Throws: usage_error   low is above high; nothing has changed
    void set_write_buffer_limits(std::optional<std::size_t> high = {}, std::optional<std::size_t> low = {}) const;
    [[nodiscard]] write_buffer_limits get_write_buffer_limits() const;
    /// Bytes that wait to be sent; 8 more for each datagram.
    [[nodiscard]] std::size_t get_write_buffer_size() const;

    friend bool operator==(const base_transport&, const base_transport&) = default;

protected:
    class state;
    explicit base_transport(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
    [[nodiscard]] state& checked() const;

private:
    std::shared_ptr<state> state_;
};

/// The connection of a stream_protocol: a socket, or one end of a pipe.
class CROCUS_EXPORT transport : public base_transport {
public:
    transport() noexcept = default;

    /// Makes no more calls of data_received until resume_reading(); what the peer sends stays with it and the kernel.
    /// Idempotent. (R5)
    void pause_reading() const;
    /// Idempotent. (R5)
    void resume_reading() const;
    /// It reads: neither paused nor closing.
    [[nodiscard]] bool is_reading() const;

    /// Sends what the kernel takes now, keeps the rest, and sends it in the background. After the connection was lost
    /// it is dropped; from the fifth time on, that is reported to the loop's exception handler. (R6)
    ///
    /// Throws: usage_error   after write_eof(), during a send_file(), or on a pipe that is read
    void write(std::string_view data) const;
    /// The same for several pieces, which are not joined first. (R7)
    void writelines(std::span<const std::string_view> pieces) const;
    void writelines(std::initializer_list<std::string_view> pieces) const {
        writelines(std::span<const std::string_view>(pieces.begin(), pieces.size()));
    }

    /// Tells the peer, after what is in the buffer, that no more will come; reading goes on. On a pipe this is close().
    /// Idempotent. (R8)
    ///
    /// Throws: usage_error   during a send_file(), or on a pipe that is read
    void write_eof() const;
    [[nodiscard]] bool can_write_eof() const;

    /// Sends `count` bytes of a file from `offset` on, or up to its end, after what is in the buffer; returns how many.
    /// They do not pass through this process where driver and file allow that; elsewhere a thread reads them. (L49, R26)
    ///
    /// Suspends: until the kernel has taken them
    /// Throws:   usage_error         it is closing, or at another send_file(), the count is 0, or as write()
    ///           std::system_error   the file cannot be read, or the connection is broken
    ///           closed_error        it was aborted;   cancelled_error: a part may have been sent
    std::uint64_t send_file(int file, std::uint64_t offset = 0, std::optional<std::uint64_t> count = {}) const;

    /// Hands the connection over: the next call goes to `next`, whose connection_made is not called. Does nothing once
    /// the connection is lost. (P3)
    ///
    /// Throws: usage_error   it is null, or of a kind that cannot be given what is read
    void set_protocol(std::shared_ptr<stream_protocol> next) const;
    /// Null once connection_lost has returned.
    [[nodiscard]] std::shared_ptr<stream_protocol> get_protocol() const;

    enum class kind : unsigned char { connection, read_pipe, write_pipe };

    /// What the functions below are made of.
    ///
    /// Suspends: until connection_made has returned; if cancelled, the transport is closed
    static transport open(crocus::socket over, std::shared_ptr<stream_protocol> protocol, kind what,
                          const transport_options& options);

private:
    class state;
    friend class protocol_server;
    explicit transport(std::shared_ptr<state> s) noexcept;
    [[nodiscard]] state& own() const;
};

/// The endpoint of a datagram_protocol.
class CROCUS_EXPORT datagram_transport : public base_transport {
public:
    datagram_transport() noexcept = default;

    /// Sends a datagram, also an empty one; keeps it if the kernel takes none now. Without `to`, to the address that
    /// the endpoint was made for. What fails goes to error_received. After close() it is dropped, and reported from the
    /// fifth time on. (R17)
    ///
    /// Throws: usage_error   the endpoint was made for another address, or for none and none is given
    void sendto(std::string_view data, const std::optional<address>& to = {}) const;

    /// As transport's.
    void set_protocol(std::shared_ptr<datagram_protocol> next) const;
    [[nodiscard]] std::shared_ptr<datagram_protocol> get_protocol() const;

    /// What create_datagram_endpoint is made of. `peer`: where sendto() goes; `connected`: the socket is, to that.
    ///
    /// Suspends: until connection_made has returned; if cancelled, the endpoint is closed
    static datagram_transport open(crocus::socket over, std::shared_ptr<datagram_protocol> protocol,
                                   std::optional<address> peer, bool connected, const transport_options& options);

private:
    class state;
    explicit datagram_transport(std::shared_ptr<state> s) noexcept;
    [[nodiscard]] state& own() const;
};

namespace detail {

/// What a protocol factory makes, as a std::shared_ptr: it may give a std::unique_ptr too.
template <class Factory>
auto make_protocol(Factory& factory) {
    return std::shared_ptr(std::invoke(factory));
}

/// A pair: the transport, and the protocol that the factory made for it.
template <class Factory>
auto open_transport(crocus::socket over, Factory& factory, transport::kind what, const transport_options& options) {
    auto made = make_protocol(factory);
    transport opened = transport::open(std::move(over), made, what, options);
    return std::pair(std::move(opened), std::move(made));
}

CROCUS_EXPORT crocus::socket stream_socket(crocus::socket given);
CROCUS_EXPORT crocus::socket pipe_end(fd given);

}  // namespace detail

/// Connects to a host, as connect does, makes a protocol by `factory()`, which gives a std::shared_ptr or
/// std::unique_ptr, and returns the transport and the protocol:
///
///     auto [transport, protocol] = create_connection([] { return std::make_shared<client>(); }, "localhost", 80);
///
/// Suspends: until connection_made has returned; if cancelled then, the transport is closed (L32)
/// Throws:   resolve_error, std::system_error, cancelled_error;   what the factory throws
///           usage_error   the protocol is null, or neither a protocol nor a buffered_protocol
template <class Factory>
auto create_connection(Factory factory, const std::string& host, std::uint16_t port, transport_options options = {},
                       const connect_options& connecting = {}) {
    return detail::open_transport(connect(host, port, connecting), factory, transport::kind::connection, options);
}

/// The same over a socket that is connected. It becomes the transport's, and is closed also where this throws.
///
/// Throws: usage_error   it is no stream socket
template <class Factory>
auto create_connection(Factory factory, crocus::socket connected, transport_options options = {}) {
    return detail::open_transport(detail::stream_socket(std::move(connected)), factory, transport::kind::connection,
                                  options);
}

/// The same under the name that it has for a socket which somebody else has accepted. (L42)
template <class Factory>
auto connect_accepted_socket(Factory factory, crocus::socket accepted, transport_options options = {}) {
    return create_connection(std::move(factory), std::move(accepted), options);
}

/// The same to a Unix socket. A path that begins with '\0' is abstract. (L41)
///
/// Throws: std::system_error   nobody listens there;   usage_error   the path is too long
template <class Factory>
auto create_unix_connection(Factory factory, std::string_view path, transport_options options = {}) {
    const address at = address::local(path);
    return detail::open_transport(connect(std::span(&at, 1)), factory, transport::kind::connection, options);
}

/// Reads a pipe, fifo, socket or terminal: its end is eof_received, whose result does not matter, and
/// connection_lost. (L44, R19)
///
/// Suspends: until connection_made has returned
/// Throws:   usage_error   it is of another kind: a file
template <class Factory>
auto connect_read_pipe(Factory factory, fd pipe, transport_options options = {}) {
    return detail::open_transport(detail::pipe_end(std::move(pipe)), factory, transport::kind::read_pipe, options);
}

/// Writes one. Where its reader goes away, connection_lost comes at once, with EPIPE if something was still to be sent;
/// a terminal's is not watched. What the other end of a socket sends is dropped. (L44, R20)
///
/// Suspends and throws as connect_read_pipe.
template <class Factory>
auto connect_write_pipe(Factory factory, fd pipe, transport_options options = {}) {
    return detail::open_transport(detail::pipe_end(std::move(pipe)), factory, transport::kind::write_pipe, options);
}

struct datagram_endpoint_options {
    std::optional<address> local_address = {};   // bound to; a socket file with nobody behind it is removed first
    std::optional<address> remote_address = {};  // where sendto() goes without an address
    int family = AF_UNSPEC;                      // needed where neither is given
    bool allow_broadcast = false;                // then the socket is not connected, and receives from all
    bool reuse_port = false;
    std::size_t stack_size = stack::default_size();
};

namespace detail {
struct datagram_parts {
    crocus::socket socket;
    std::optional<address> peer;
    bool connected;
};
CROCUS_EXPORT datagram_parts open_datagram_socket(const datagram_endpoint_options& options);
CROCUS_EXPORT datagram_parts given_datagram_socket(crocus::socket given);

template <class Factory>
auto open_datagram_transport(datagram_parts over, Factory& factory, const transport_options& options) {
    auto made = make_protocol(factory);
    auto opened = datagram_transport::open(std::move(over.socket), made, std::move(over.peer), over.connected, options);
    return std::pair(std::move(opened), std::move(made));
}
}  // namespace detail

/// An endpoint for datagrams, and the protocol that `factory()` made for it. For a name: `resolve(host, port).front()`.
/// (L43)
///
/// Suspends: until connection_made has returned
/// Throws:   usage_error         neither address nor family, or two of different families
///           std::system_error   the address is in use, say
template <class Factory>
auto create_datagram_endpoint(Factory factory, const datagram_endpoint_options& options) {
    return detail::open_datagram_transport(detail::open_datagram_socket(options), factory,
                                           {.stack_size = options.stack_size});
}

/// The same over a socket.
///
/// Throws: usage_error   it is no datagram socket
template <class Factory>
auto create_datagram_endpoint(Factory factory, crocus::socket given, transport_options options = {}) {
    return detail::open_datagram_transport(detail::given_datagram_socket(std::move(given)), factory, options);
}

}  // namespace crocus
