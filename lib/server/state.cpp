#include "state.hpp"

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

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
    connections_.begin({stream(std::move(peer), options_.stream)},
                       {.name = "connection", .stack_size = options_.stack_size}, [this](connection& c) { serve(c); });
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
void server::state::end_connections() noexcept { connections_.cancel(); }

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
