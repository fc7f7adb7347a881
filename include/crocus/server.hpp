// Servers: a listening port, and a task for every connection (asyncio.start_server).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/stream.hpp>

namespace crocus {

struct server_options {
    stream_options stream = {};
    int backlog = 1024;                                    // connections that the kernel holds until they are accepted
    std::size_t stack_size = stack::default_size();        // bytes, of each connection's task
};

/// A server that accepts. It ends with its object.
class CROCUS_EXPORT server {
public:
    server(server&&) noexcept;
    server& operator=(server&&) = delete;

    /// Closes it, cancels the connections that are left and waits for their handlers: what they refer to may go then.
    ///
    /// Suspends: until the handlers have ended
    ~server();

    /// The port it listens on: the one that the system chose, if 0 was asked for.
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::vector<address> addresses() const;

    [[nodiscard]] bool is_serving() const noexcept;

    /// Connections whose handlers run.
    [[nodiscard]] std::size_t connections() const noexcept;

    /// Stops listening. Connections go on. Idempotent. (L37)
    void close() noexcept;

    /// Suspends: until the server is closed and the last connection has ended (L38)
    /// Throws:   cancelled_error
    void wait_closed();

    /// Suspends: until the server is closed; a cancellation closes it, waits for the connections, and is raised (L40)
    void serve_forever();

private:
    class state;
    friend CROCUS_EXPORT server start_server(std::function<void(stream&)>, const std::string&, std::uint16_t,
                                             server_options);
    explicit server(std::unique_ptr<state> s) noexcept;

    std::unique_ptr<state> state_;
};

/// Listens on `host` and runs `handler(stream)` in a task of its own for each connection, whose stream is closed when the
/// handler returns. (S2) "" means all interfaces; port 0 lets the system choose.
///
/// An exception that leaves a handler goes to the loop's exception handler; the server goes on. When the process is out
/// of descriptors or memory that is reported too, and accepting pauses for a second. (L36)
///
/// Suspends: while a name is looked up
/// Throws:   std::system_error   the address is in use, say; the message names it
///           resolve_error
CROCUS_EXPORT server start_server(std::function<void(stream&)> handler, const std::string& host, std::uint16_t port,
                                  server_options options = {});

}  // namespace crocus
