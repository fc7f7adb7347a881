// What a server is: who accepts, and who is connected.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include <crocus/server.hpp>

#include "accepting.hpp"
#include "connections.hpp"

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
        stream peer;
        bool ended_here = false;  // by close_clients or abort_clients
    };

    void serve(connection& c) noexcept;

    std::function<void(stream&)> handler_;
    const server_options options_;
    detail::connections<connection> connections_{accepting_};
    detail::accepting accepting_;
};

template <class End>
void server::state::end_clients(End end_stream) noexcept {
    connections_.for_each([&](connection& c) {
        c.ended_here = true;
        end_stream(c.peer);
    });
}

}  // namespace crocus
