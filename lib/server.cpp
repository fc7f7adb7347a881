#include <crocus/server.hpp>

#include <utility>

#include <sys/socket.h>

#include <crocus/error.hpp>

#include "server/state.hpp"

namespace crocus {

server::server(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
server::server(server&&) noexcept = default;

server::~server() {
    if (!state_) return;
    if (state_->forked())
        static_cast<void>(state_.release());  // its tasks are the parent's, and refer to it
    else
        state_->end();
}

std::uint16_t server::port() const { return state_->addresses().front().port(); }
std::vector<address> server::addresses() const { return state_->addresses(); }
bool server::is_serving() const noexcept { return state_->is_serving(); }
std::size_t server::connections() const noexcept { return state_->connections(); }
void server::start_serving() { state_->start(); }
void server::close() noexcept { state_->close(); }
void server::close_clients() noexcept { state_->end_clients([](stream& s) { s.close(); }); }
void server::abort_clients() noexcept { state_->end_clients([](stream& s) { s.abort(); }); }
void server::wait_closed() { state_->wait_closed(); }
void server::serve_forever() { state_->serve_forever(); }

namespace {

server start_on(std::function<void(stream&)> handler, server_options options, std::vector<socket> bound,
                detail::socket_file file = {}) {
    server s(std::make_unique<server::state>(std::move(handler), options, std::move(bound), std::move(file)));
    if (options.start_serving) s.start_serving();
    return s;
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
    if (hosts.empty()) throw usage_error("start_server: no host was given; \"\" means all interfaces");
    std::vector<address> on;
    for (const std::string& host : hosts)
        for (const address& a : resolve(host, port)) on.push_back(a);
    return start_on(std::move(handler), options, detail::bind_all(std::move(on), options));
}

server start_server(std::function<void(stream&)> handler, socket bound, server_options options) {
    if (bound.descriptor().native() >= 0 && bound.get_option(SOL_SOCKET, SO_TYPE) != SOCK_STREAM)
        throw usage_error("start_server: a stream socket is needed, SOCK_STREAM");
    std::vector<socket> one;
    one.push_back(std::move(bound));
    return start_on(std::move(handler), options, std::move(one));
}

server start_unix_server(std::function<void(stream&)> handler, std::string_view path, server_options options) {
    if (options.reuse_port) throw usage_error("start_unix_server: the port of a path cannot be shared (reuse_port)");
    std::vector<socket> one;
    one.push_back(detail::bind_local(address::local(path)));
    detail::socket_file file = options.remove_socket_file ? detail::socket_file(one.front()) : detail::socket_file();
    return start_on(std::move(handler), options, std::move(one), std::move(file));
}

}  // namespace crocus
