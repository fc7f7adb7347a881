// Servers: a listening port, and a task for every connection (asyncio.start_server).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/stack.hpp>
#include <crocus/stream.hpp>

namespace crocus {

struct server_options {
    stream_options stream = {};
    int backlog = 1024;               // connections that the kernel holds until they are accepted
    std::size_t max_connections = 0;  // accepting pauses while there are so many; 0: no limit
    bool start_serving = true;        // false: it is bound, and listens when start_serving() is called
    bool reuse_port = false;          // several processes, or loops, share the port (SO_REUSEPORT)
    bool keep_alive = false;          // a peer that vanishes silently is noticed, after hours (SO_KEEPALIVE)
    bool ipv6_only = true;            // false: a server on "::" takes IPv4 connections too
    bool remove_socket_file = true;   // when a server on a path is closed, if the file is its own still
    std::size_t stack_size = stack::default_size();  // bytes, of each connection's task
};

/// A server that accepts. It ends with its object.
///
/// Thread: the loop's own.
class CROCUS_EXPORT server {
public:
    class state;
    /// What start_server() and its kind make it of.
    explicit server(std::unique_ptr<state> s) noexcept;

    server(server&&) noexcept;
    server& operator=(server&&) = delete;

    /// Closes it, cancels the connections that are left and waits for their handlers: what they refer to may go then.
    ///
    /// Suspends: until the handlers have ended
    /// Requires: the caller is none of them
    ~server();

    /// The port it listens on: the one that the system chose, if 0 was asked for; 0 of a path.
    [[nodiscard]] std::uint16_t port() const;
    /// Of each of its sockets, in order; also after close().
    [[nodiscard]] const std::vector<address>& addresses() const;

    /// True while it accepts connections.
    [[nodiscard]] bool is_serving() const noexcept;

    /// Connections whose handlers run.
    [[nodiscard]] std::size_t connections() const noexcept;

    /// Begins to listen and to accept, if it does not yet. (L40)
    ///
    /// Throws: usage_error   it is closed;   std::system_error   the port is taken
    void start_serving();

    /// Stops listening. Connections go on. Idempotent. (L37)
    void close() noexcept;

    /// Closes the stream of each connection: a handler gets closed_error where it reads or writes, which it may let
    /// escape. (L39)
    void close_clients() noexcept;

    /// The same, and the peers are told that their connections were broken off.
    void abort_clients() noexcept;

    /// Suspends: until the server is closed and the last connection has ended (L38)
    /// Throws:   cancelled_error
    void wait_closed();

    /// start_serving(), and wait_closed(). A cancellation, of Ctrl-C say, closes it, cancels the handlers, waits until
    /// they have ended, and is raised. Streams of those that take longer than 5 s are aborted. (L40)
    ///
    /// Throws: usage_error   it is closed, or another task is in here
    void serve_forever();

private:
    std::unique_ptr<state> state_;
};

/// Listens on `host` and runs `handler(stream)` in a task of its own for each connection, whose stream is closed when the
/// handler returns. (S2) "" means all interfaces; port 0 lets the system choose, the same for all addresses of the host.
/// An address that this machine has not is left out, if there are others. (L35)
///
/// An exception that leaves a handler goes to the loop's exception handler, with the peer's address; the server goes on.
/// A handler that is cancelled goes quietly. When the process is out of descriptors or memory that is reported too, and
/// accepting pauses for a second. (L36)
///
/// Suspends: while a name is looked up
/// Throws:   std::system_error   the address is in use, say; the message names it
///           resolve_error
CROCUS_EXPORT server start_server(std::function<void(stream&)> handler, const std::string& host, std::uint16_t port,
                                  server_options options = {});

/// The same on several hosts.
///
/// Throws: usage_error   there is none
CROCUS_EXPORT server start_server(std::function<void(stream&)> handler, std::span<const std::string> hosts,
                                  std::uint16_t port, server_options options = {});
CROCUS_EXPORT server start_server(std::function<void(stream&)> handler, std::initializer_list<std::string> hosts,
                                  std::uint16_t port, server_options options = {});

/// The same on a socket that is bound, and may listen already; the options for sockets are not used.
///
/// Throws: usage_error   it is no stream socket
CROCUS_EXPORT server start_server(std::function<void(stream&)> handler, socket bound, server_options options = {});

/// The same on a Unix socket. A socket's file that is there already is removed first, also if somebody listens on it;
/// any other file stays, and the address is in use. A path that begins with '\0' is abstract: there is no file. (L41)
///
/// Throws: usage_error   the path is too long, or the port of a path was to be shared
CROCUS_EXPORT server start_unix_server(std::function<void(stream&)> handler, std::string_view path,
                                       server_options options = {});

}  // namespace crocus
