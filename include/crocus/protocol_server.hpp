// Servers in callback style: a listening port, and a transport with a protocol for every connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/protocol.hpp>
#include <crocus/stack.hpp>
#include <crocus/transport.hpp>

namespace crocus {

/// Makes the protocol of a connection; a std::unique_ptr will do too.
using protocol_factory = std::function<std::shared_ptr<stream_protocol>()>;

/// Each means what it does in server_options.
struct protocol_server_options {
    int backlog = 1024;
    std::size_t max_connections = 0;
    bool start_serving = true;
    bool reuse_port = false;
    bool keep_alive = false;
    bool ipv6_only = true;
    bool remove_socket_file = true;
    std::size_t stack_size = stack::default_size();
};

/// A server over protocols (asyncio.Server). It ends with its object.
///
/// Thread: the loop's own.
class CROCUS_EXPORT protocol_server {
public:
    class state;
    /// What create_server() and its kind make it of.
    explicit protocol_server(std::unique_ptr<state> s) noexcept;

    protocol_server(protocol_server&&) noexcept;
    protocol_server& operator=(protocol_server&&) = delete;

    /// Closes it, aborts the connections that are left, cancels what their protocols do, and waits for connection_lost:
    /// what the factory refers to may go then.
    ///
    /// Suspends: until then
    ~protocol_server();

    /// The port it listens on: the one that the system chose, if 0 was asked for; 0 of a path.
    [[nodiscard]] std::uint16_t port() const;
    /// Of each of its sockets, in order; also after close().
    [[nodiscard]] const std::vector<address>& addresses() const;

    /// Begins to listen and to accept, if it does not yet. (L40)
    ///
    /// Throws: usage_error   it is closed;   std::system_error   the port is taken
    void start_serving();
    /// True while it accepts connections.
    [[nodiscard]] bool is_serving() const noexcept;

    /// Connections whose connection_lost has not returned.
    [[nodiscard]] std::size_t connections() const noexcept;

    /// Stops listening, and removes a Unix socket's file, if it is still its own. Connections go on. Idempotent.
    /// (L37)
    void close() noexcept;

    /// transport::close() and transport::abort() for each connection; one whose protocol is still being made is
    /// dropped. (L39)
    void close_clients() noexcept;
    void abort_clients() noexcept;

    /// Suspends: until the server is closed and the last connection has ended (L38)
    /// Throws:   cancelled_error
    void wait_closed();

    /// start_serving(), and wait_closed(). A cancellation, of Ctrl-C say, closes it and its connections, waits until
    /// what is in their buffers is sent and connection_lost has returned, and is raised. Connections that have not ended
    /// within 5 s are aborted. (L40)
    ///
    /// Throws: usage_error   it is closed, or another task is in here
    void serve_forever();

private:
    std::unique_ptr<state> state_;
};

/// Listens on all of these addresses, with one port if it is to be chosen, and has a transport call what `factory()`
/// makes for each connection. The factory is called in the connection's task, in the context of this call; what it
/// throws is reported, and ends that connection alone. (L35, P6, P7)
///
/// Throws: std::system_error   an address is in use, say; the message names it. Those that the machine has not are left
///                             out, unless it has none of them
CROCUS_EXPORT protocol_server create_server(protocol_factory factory, std::vector<address> on,
                                            const protocol_server_options& options = {});

/// The same on all addresses of a host. "" means all interfaces; port 0 lets the system choose.
///
/// Suspends: while a name is looked up
/// Throws:   resolve_error
CROCUS_EXPORT protocol_server create_server(protocol_factory factory, const std::string& host, std::uint16_t port,
                                            const protocol_server_options& options = {});

/// The same over a socket that is bound, and may listen already; the options for sockets are not used.
///
/// Throws: usage_error   it is no stream socket
CROCUS_EXPORT protocol_server create_server(protocol_factory factory, socket bound,
                                            const protocol_server_options& options = {});

/// The same at a path, in place of a socket that somebody has left there; the file goes with the server. A path that
/// begins with '\0' is abstract: there is no file. (L41)
///
/// Throws: usage_error   the path is too long, or the port of a path was to be shared
CROCUS_EXPORT protocol_server create_unix_server(protocol_factory factory, std::string_view path,
                                                 const protocol_server_options& options = {});

}  // namespace crocus
