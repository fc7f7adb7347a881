// What a server is: its sockets, who accepts, and who is connected.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include <crocus/detail/fork_mark.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "listening.hpp"

namespace crocus {

class server::state {
public:
    state(std::function<void(stream&)> handler, server_options options, std::vector<socket> bound,
          detail::socket_file file = {});

    void start();
    /// Closes it, and waits until nothing of it runs.
    void end() noexcept;

    void close() noexcept;
    template <class End>
    void end_clients(End end_stream) noexcept;
    void wait_closed();
    void serve_forever();

    [[nodiscard]] bool is_serving() const noexcept { return open_ && serving_ && !forked(); }
    /// It is the parent's, and this process was forked from that.
    [[nodiscard]] bool forked() const noexcept { return made_.passed(); }
    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
    [[nodiscard]] const std::vector<address>& addresses() const noexcept { return addresses_; }

private:
    struct listener {
        socket sock;
        std::optional<task<void>> accepting;
    };
    struct connection {
        stream peer;
        bool ended_here = false;  // by close_clients or abort_clients
        std::optional<task<void>> running;
    };
    template <class F>
    class at_end;

    void accept_all(socket& from);
    void accept_one(socket& from);
    void wait_for_room();
    void begin(socket peer);
    void serve(connection& c) noexcept;
    void signal_if_ended() noexcept;
    void require_open(const char* operation) const;

    const detail::fork_mark made_;
    std::function<void(stream&)> handler_;
    server_options options_;
    std::list<listener> listeners_;
    std::vector<address> addresses_;
    detail::socket_file file_;
    std::list<connection> connections_;
    std::size_t accepting_ = 0;
    bool open_ = true;
    bool serving_ = false;
    bool forever_ = false;
    wait_queue ended_;
    wait_queue room_;     // listeners that wait for a connection to end
    wait_queue closing_;  // listeners that pause
};

template <class End>
void server::state::end_clients(End end_stream) noexcept {
    for (connection& c : connections_) {
        c.ended_here = true;
        end_stream(c.peer);
    }
}

}  // namespace crocus
