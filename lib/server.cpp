#include <crocus/server.hpp>

#include <utility>

#include <crocus/error.hpp>

#include "server/state.hpp"

namespace crocus {

server::server(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
server::server(server&&) noexcept = default;

server::~server() {
    if (!state_) return;
    if (state_->accepting().forked())
        static_cast<void>(state_.release());  // its tasks are the parent's, and refer to it
    else
        state_->end();
}

std::uint16_t server::port() const { return state_->accepting().addresses().front().port(); }
const std::vector<address>& server::addresses() const { return state_->accepting().addresses(); }
bool server::is_serving() const noexcept { return state_->accepting().is_serving(); }
std::size_t server::connections() const noexcept { return state_->connections(); }
void server::start_serving() { state_->accepting().start(); }
void server::close() noexcept { state_->accepting().close(); }
void server::close_clients() noexcept { state_->end_clients([](stream& s) { s.close(); }); }
void server::abort_clients() noexcept { state_->end_clients([](stream& s) { s.abort(); }); }
void server::wait_closed() { state_->accepting().wait_closed(); }
void server::serve_forever() { state_->accepting().serve_forever(); }

namespace {

server start_on(std::function<void(stream&)> handler, const server_options& options, std::vector<socket> bound) {
    return server(std::make_unique<server::state>(std::move(handler), options, std::move(bound)));
}

}  // namespace

server start_server(std::function<void(stream&)> handler, const std::string& host, std::uint16_t port,
                    server_options options) {
    return start_server(std::move(handler), std::span(&host, 1), port, options);
}

server start_server(std::function<void(stream&)> handler, std::initializer_list<std::string> hosts, std::uint16_t port,
                    server_options options) {
    return start_server(std::move(handler), std::span(hosts.begin(), hosts.size()), port, options);
}

server start_server(std::function<void(stream&)> handler, std::span<const std::string> hosts, std::uint16_t port,
                    server_options options) {
    return start_on(std::move(handler), options,
                    detail::bind_all(detail::addresses_of(hosts, port), detail::listen_options(options)));
}

server start_server(std::function<void(stream&)> handler, socket bound, server_options options) {
    options.remove_socket_file = false;  // its file is that of who has bound it
    return start_on(std::move(handler), options, detail::bound_already(std::move(bound)));
}

server start_unix_server(std::function<void(stream&)> handler, std::string_view path, server_options options) {
    return start_on(std::move(handler), options,
                    detail::bind_local(address::local(path), detail::listen_options(options)));
}

}  // namespace crocus
