// What a server is: who accepts, and who is connected.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include <crocus/server.hpp>
#include <crocus/task.hpp>

#include "accepting.hpp"

namespace crocus {

class server::state final : public detail::accepting_owner {
public:
    state(std::function<void(stream&)> handler, const server_options& options, std::vector<socket> bound);

    [[nodiscard]] detail::accepting& accepting() noexcept { return accepting_; }
    /// Closes it, and waits until nothing of it runs.
    void end() noexcept;
    template <class End>
    void end_clients(End end_stream) noexcept;

    void take(socket peer) override;
    void end_connections() noexcept override;
    void abort_connections() noexcept override {
        end_clients([](stream& s) { s.abort(); });
    }
    [[nodiscard]] std::size_t connections() const noexcept override { return connections_.size(); }

private:
    struct connection {
        explicit connection(stream s) noexcept : peer(std::move(s)) {}

        stream peer;
        bool ended_here = false;  // by close_clients or abort_clients
        std::optional<task<void>> running;
        bool being_made = true;  // its task is: one that starts eagerly may have ended before its maker knows it
        bool ended = false;
    };

    void serve(connection& c) noexcept;
    void ended(std::list<connection>::iterator c) noexcept;

    std::function<void(stream&)> handler_;
    const server_options options_;
    std::list<connection> connections_;
    detail::accepting accepting_;
};

template <class End>
void server::state::end_clients(End end_stream) noexcept {
    for (connection& c : connections_) {
        c.ended_here = true;
        end_stream(c.peer);
    }
}

}  // namespace crocus
