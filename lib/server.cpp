#include <crocus/server.hpp>

#include <cerrno>
#include <chrono>
#include <exception>
#include <list>
#include <optional>
#include <system_error>

#include <crocus/detail/fork_mark.hpp>
#include <crocus/error.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/task.hpp>
#include <crocus/unraisable.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

namespace {

constexpr int accepts_between_yields = 64;
constexpr std::chrono::seconds pause_when_exhausted{1};

bool is_exhaustion(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void report(const std::string& message) noexcept {
    event_loop::current().call_exception_handler({message, std::current_exception()});
}

}  // namespace

class server::state {
public:
    state(std::function<void(stream&)> handler, server_options options)
        : handler_(std::move(handler)), options_(options) {}

    void listen(const std::vector<address>& on);
    void start();
    void end() noexcept;

    void close() noexcept;
    void wait_closed();

    [[nodiscard]] bool is_open() const noexcept { return open_ && !forked(); }
    /// It is the parent's, and this process was forked from that.
    [[nodiscard]] bool forked() const noexcept { return made_.passed(); }
    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
    [[nodiscard]] const std::vector<address>& addresses() const noexcept { return addresses_; }

private:
    struct listener {
        socket sock;
        std::optional<task<void>> accepting;
    };
    using connection = std::list<std::optional<task<void>>>::iterator;

    void accept_all(socket& from);
    void accept_one(socket& from);
    void serve(socket peer) noexcept;
    void signal_if_ended() noexcept;

    const detail::fork_mark made_;
    std::function<void(stream&)> handler_;
    server_options options_;
    std::list<listener> listeners_;
    std::vector<address> addresses_;
    std::list<std::optional<task<void>>> connections_;
    std::size_t accepting_ = 0;
    bool open_ = true;
    wait_queue ended_;
};

void server::state::listen(const std::vector<address>& on) {
    for (address a : on) {
        // A host with several addresses gets one port on all of them.
        if (a.port() == 0 && !addresses_.empty()) a.set_port(addresses_.front().port());
        socket s(a.family());
        s.bind(a);
        s.listen(options_.backlog);
        addresses_.push_back(s.local_address());
        listeners_.push_back({std::move(s), std::nullopt});
    }
}

/// Runs `f` when the function that holds it is destroyed: also if its task was cancelled before it ran.
template <class F>
std::shared_ptr<void> at_end(F f) {
    return {nullptr, [f](void*) { f(); }};
}

void server::state::start() {
    for (listener& l : listeners_) {
        ++accepting_;
        auto end = at_end([this] {
            --accepting_;
            signal_if_ended();
        });
        l.accepting = create_task([this, &l, end = std::move(end)] { accept_all(l.sock); },
                                  {.name = "accept " + addresses_.front().to_string()});
    }
}

void server::state::accept_all(socket& from) {
    for (int accepted = 1; open_; ++accepted) {
        try {
            accept_one(from);
            if (accepted % accepts_between_yields == 0) yield_now();
        } catch (const closed_error&) {
            return;
        } catch (const cancelled_error&) {
            close();
            return;
        }
    }
}

void server::state::accept_one(socket& from) {
    try {
        socket peer = from.accept();
        const connection self = connections_.emplace(connections_.end());
        auto end = at_end([this, self] {
            connections_.erase(self);
            signal_if_ended();
        });
        *self = create_task([this, p = std::move(peer), end = std::move(end)]() mutable { serve(std::move(p)); },
                            {.name = "connection", .stack_size = options_.stack_size});
    } catch (const std::system_error& e) {
        if (is_exhaustion(e.code().value())) {
            report("accepting pauses for a second");
            sleep(pause_when_exhausted);
        } else if (e.code().value() != ECONNABORTED) {
            report("a connection could not be accepted");
        }
    }
}

void server::state::serve(socket peer) noexcept {
    try {
        stream s(std::move(peer), options_.stream);
        handler_(s);
    } catch (const cancelled_error&) {
        // by the server's end, or by whoever has the task: it goes quietly (S2)
    } catch (...) {
        report("exception in a connection handler");
    }
}

void server::state::signal_if_ended() noexcept {
    if (!open_ && accepting_ == 0 && connections_.empty()) ended_.notify_all();
}

void server::state::close() noexcept {
    if (forked()) return;
    open_ = false;
    for (listener& l : listeners_) l.sock.close();
    signal_if_ended();
}

void server::state::wait_closed() {
    if (forked())
        throw usage_error("this server is that of the process that this one was forked from, where it goes on");
    while (open_ || accepting_ != 0 || !connections_.empty()) ended_.wait();
}

void server::state::end() noexcept {
    close();
    for (auto& c : connections_) c->cancel("the server has ended");
    try {
        defer_cancellation([&] { wait_closed(); });
    } catch (...) {
        report_unraisable("while a server was destroyed", std::current_exception());
    }
}

// ------------------------------------------------------------------------------------------------------------ the handle

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
bool server::is_serving() const noexcept { return state_->is_open(); }
std::size_t server::connections() const noexcept { return state_->connections(); }
void server::close() noexcept { state_->close(); }
void server::wait_closed() { state_->wait_closed(); }

void server::serve_forever() {
    try {
        wait_closed();
    } catch (const cancelled_error&) {
        close();
        defer_cancellation([&] { wait_closed(); });
        throw;
    }
}

server start_server(std::function<void(stream&)> handler, const std::string& host, std::uint16_t port,
                    server_options options) {
    auto s = std::make_unique<server::state>(std::move(handler), options);
    s->listen(resolve(host, port));
    s->start();
    return server(std::move(s));
}

}  // namespace crocus
