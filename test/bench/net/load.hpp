// The load: connections that each send 64 bytes, wait until they are back, and send again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "descriptor.hpp"

namespace bench {

constexpr std::size_t message_size = 64;

struct answered {
    std::uint64_t messages = 0;
    std::chrono::duration<double> time{};
};

/// It never sleeps, so that no server pays for waking it.
class load {
public:
    /// Connects, from as many addresses of the loopback as the ports require.
    ///
    /// Throws: failure
    load(std::uint16_t port, std::size_t connections);

    /// Sends and receives for that long, and longer if nothing has come by then: the machine may be busy.
    ///
    /// Throws: failure   the server closed a connection, answered something else, or nothing for 10 s
    answered run(std::chrono::duration<double> time);

    /// One message on each connection, which then are idle. The same exceptions.
    void once();

private:
    struct connection {
        descriptor fd;
        std::size_t received;  // of the answer
    };

    void connect(std::uint16_t port, std::size_t number);
    void send(const connection& on);
    [[nodiscard]] bool receive(connection& from);
    std::size_t collect(bool send_again);

    descriptor epoll_;
    std::vector<connection> connections_;
    bool started_ = false;
};

}  // namespace bench
