#include "state.hpp"

#include <exception>
#include <string>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

#include "../detail/at_end.hpp"

namespace crocus {

namespace {

// Apart are those below, for their locals would be on the stack of every task that waits in a handler.

/// For messages; a peer that is gone has no address any more.
[[gnu::noinline]] std::optional<address> peer_of(const stream& s) {
    try {
        return s.remote_address();
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

[[gnu::noinline, gnu::cold]] void report_handler(const std::optional<address>& peer) noexcept {
    const std::string text = peer ? peer->to_string() : "";
    event_loop::current().call_exception_handler(
        {"exception in a connection handler" + (text.empty() ? text : ", peer " + text), std::current_exception()});
}

}  // namespace

server::state::state(std::function<void(stream&)> handler, const server_options& options, std::vector<socket> bound)
    : handler_(std::move(handler)),
      options_(options),
      accepting_(*this, std::move(bound), detail::listen_options(options)) {
    if (options_.start_serving) accepting_.start();
}

void server::state::take(socket peer) {
    const auto self = connections_.emplace(connections_.end(), stream(std::move(peer), options_.stream));
    const detail::at_end made([this, self] {
        self->being_made = false;
        if (self->ended) ended(self);
    });
    detail::at_end end([this, self] { ended(self); });
    self->running = create_task([this, self, end = std::move(end)] { serve(*self); },
                                {.name = "connection", .stack_size = options_.stack_size});
}

void server::state::ended(std::list<connection>::iterator c) noexcept {
    c->ended = true;
    if (c->being_made) return;
    connections_.erase(c);
    accepting_.connection_ended();
}

void server::state::serve(connection& c) noexcept {
    const std::optional<address> peer = peer_of(c.peer);
    try {
        handler_(c.peer);
    } catch (const cancelled_error&) {
        // by the server's end, or by whoever has the task: it goes quietly (S2)
    } catch (const closed_error&) {
        if (!c.ended_here) report_handler(peer);
    } catch (...) {
        report_handler(peer);
    }
    c.peer.close();
}

/// Their handlers are cancelled: they may wait for something else than the stream.
void server::state::end_connections() noexcept {
    for (connection& c : connections_)
        if (c.running) c.running->cancel("the server has ended");
}

void server::state::end() noexcept {
    accepting_.close();
    end_connections();
    try {
        accepting_.wait_closed_regardless();
    } catch (...) {
        report_unraisable("while a server was destroyed", std::current_exception());
    }
}

}  // namespace crocus
