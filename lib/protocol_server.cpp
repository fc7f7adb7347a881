#include <crocus/protocol_server.hpp>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

#include "server/accepting.hpp"
#include "server/connections.hpp"
#include "transport/stream_state.hpp"

namespace crocus {

class protocol_server::state final : public detail::accepting_owner {
public:
    state(protocol_factory factory, const protocol_server_options& options, std::vector<socket> bound)
        : factory_(std::move(factory)),
          options_(options),
          accepting_(*this, std::move(bound), detail::listen_options(options)) {
        if (options_.start_serving) accepting_.start();
    }

    void close_clients() noexcept;
    void abort_clients() noexcept;
    void end() noexcept;

    [[nodiscard]] detail::accepting& accepting() noexcept { return accepting_; }

    void take(socket peer) override;
    [[nodiscard]] std::size_t connections() const noexcept override { return connections_.size(); }
    void end_connections() noexcept override { close_clients(); }
    void abort_connections() noexcept override;

private:
    struct connection {
        std::shared_ptr<transport::state> over = nullptr;  // null: the factory has not returned yet
        bool unwanted = false;                             // it was closed before that
    };

    void live(connection& self, socket peer) noexcept;

    const protocol_factory factory_;
    const protocol_server_options options_;
    detail::connections<connection> connections_{accepting_};
    detail::accepting accepting_;
};

void protocol_server::state::take(socket peer) {
    if (!accepting_.is_serving()) return;  // it came too late, like those that the kernel still holds
    connections_.begin({}, {.name = "transport", .stack_size = options_.stack_size},
                       [this, p = std::move(peer)](connection& c) mutable { live(c, std::move(p)); });
}

void protocol_server::state::live(connection& self, socket peer) noexcept {
    if (self.unwanted) return;
    try {
        self.over = std::make_shared<transport::state>(std::move(peer), factory_(), transport::kind::connection);
    } catch (const cancelled_error&) {
        return;
    } catch (...) {
        event_loop::current().call_exception_handler(
            {"a connection's protocol could not be made", std::current_exception()});
        return;
    }
    if (!self.unwanted) self.over->run();
}

void protocol_server::state::close_clients() noexcept {
    connections_.for_each([](connection& c) { c.over ? c.over->close() : void(c.unwanted = true); });
}

void protocol_server::state::abort_clients() noexcept {
    connections_.for_each([](connection& c) { c.over ? c.over->abort() : void(c.unwanted = true); });
}

/// Their protocols may wait for something else than the peer.
void protocol_server::state::abort_connections() noexcept {
    abort_clients();
    connections_.cancel();
}

void protocol_server::state::end() noexcept {
    try {
        accepting_.close();
        abort_connections();
        accepting_.wait_closed_regardless();
    } catch (...) {
        report_unraisable("while a server was destroyed", std::current_exception());
    }
}

// ---------------------------------------------------------------------------------------------------------- the handle

protocol_server::protocol_server(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
protocol_server::protocol_server(protocol_server&&) noexcept = default;

protocol_server::~protocol_server() {
    if (!state_) return;
    if (state_->accepting().forked())
        static_cast<void>(state_.release());  // its tasks are the parent's, and refer to it
    else
        state_->end();
}

std::uint16_t protocol_server::port() const { return addresses().front().port(); }
const std::vector<address>& protocol_server::addresses() const { return state_->accepting().addresses(); }
void protocol_server::start_serving() { state_->accepting().start(); }
bool protocol_server::is_serving() const noexcept { return state_->accepting().is_serving(); }
std::size_t protocol_server::connections() const noexcept { return state_->connections(); }
void protocol_server::close() noexcept { state_->accepting().close(); }
void protocol_server::close_clients() noexcept { state_->close_clients(); }
void protocol_server::abort_clients() noexcept { state_->abort_clients(); }
void protocol_server::wait_closed() { state_->accepting().wait_closed(); }
void protocol_server::serve_forever() { state_->accepting().serve_forever(); }

protocol_server create_server(protocol_factory factory, std::vector<address> on,
                              const protocol_server_options& options) {
    auto bound = detail::bind_all(std::move(on), detail::listen_options(options));
    return protocol_server(std::make_unique<protocol_server::state>(std::move(factory), options, std::move(bound)));
}

protocol_server create_server(protocol_factory factory, socket bound, const protocol_server_options& options) {
    protocol_server_options o = options;
    o.remove_socket_file = false;  // its file is that of who has bound it
    return protocol_server(
        std::make_unique<protocol_server::state>(std::move(factory), o, detail::bound_already(std::move(bound))));
}

protocol_server create_server(protocol_factory factory, const std::string& host, std::uint16_t port,
                              const protocol_server_options& options) {
    return create_server(std::move(factory), resolve(host, port), options);
}

protocol_server create_unix_server(protocol_factory factory, std::string_view path,
                                   const protocol_server_options& options) {
    auto bound = detail::bind_local(address::local(path), detail::listen_options(options));
    return protocol_server(std::make_unique<protocol_server::state>(std::move(factory), options, std::move(bound)));
}

}  // namespace crocus
