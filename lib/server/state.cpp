#include "state.hpp"

#include <cerrno>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

namespace crocus {

namespace {

constexpr int accepts_between_yields = 64;
constexpr std::chrono::seconds pause{1};

bool is_exhaustion(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// It was the connection's own: it had failed before it was accepted.
bool is_of_the_connection(int error) noexcept {
    return error == ECONNABORTED || error == EPROTO || error == EPERM || error == ENETDOWN || error == ENETUNREACH ||
           error == EHOSTDOWN || error == EHOSTUNREACH || error == ENONET;
}

void report(const std::string& message) noexcept {
    event_loop::current().call_exception_handler({message, std::current_exception()});
}

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
    report("exception in a connection handler" + (text.empty() ? text : ", peer " + text));
}

}  // namespace

/// Calls `f` when the function that holds it is destroyed: also if its task was cancelled before it ran.
template <class F>
class server::state::at_end {
public:
    explicit at_end(F f) : f_(std::move(f)) {}
    at_end(at_end&& other) noexcept : f_(other.f_), armed_(std::exchange(other.armed_, false)) {}
    ~at_end() {
        if (armed_) f_();
    }

private:
    F f_;
    bool armed_ = true;
};

server::state::state(std::function<void(stream&)> handler, server_options options, std::vector<socket> bound,
                     detail::socket_file file)
    : handler_(std::move(handler)), options_(options), file_(std::move(file)) {
    for (socket& s : bound) {
        addresses_.push_back(s.local_address());
        listeners_.push_back({std::move(s), std::nullopt});
    }
}

void server::state::require_open(const char* operation) const {
    if (!open_) throw usage_error(std::string(operation) + ": the server is closed; start another one");
}

void server::state::start() {
    require_open("start_serving");
    if (serving_) return;
    auto at = addresses_.begin();
    for (listener& l : listeners_) {
        try {
            l.sock.listen(options_.backlog);
        } catch (const std::system_error& e) {
            throw std::system_error(e.code(), "a server cannot listen on " + at->to_string());
        }
        ++at;
    }
    serving_ = true;
    at = addresses_.begin();
    for (listener& l : listeners_) {
        ++accepting_;
        at_end end([this] {
            --accepting_;
            signal_if_ended();
        });
        l.accepting = create_task([this, &l, end = std::move(end)] { accept_all(l.sock); },
                                  {.name = "accept " + (at++)->to_string()});
    }
}

// ----------------------------------------------------------------------------------------------------------- accepting

void server::state::accept_all(socket& from) {
    try {
        for (int accepted = 1; open_; ++accepted) {
            accept_one(from);
            if (accepted % accepts_between_yields == 0) yield_now();
        }
    } catch (const closed_error&) {
        // by close()
    } catch (const cancelled_error&) {
        close();
    }
}

void server::state::accept_one(socket& from) {
    try {
        wait_for_room();
        socket peer = from.accept();
        wait_for_room();  // another listener may have taken it meanwhile
        if (open_) begin(std::move(peer));
        return;
    } catch (const closed_error&) {
        throw;
    } catch (const std::system_error& e) {
        if (is_of_the_connection(e.code().value())) return;
        report(is_exhaustion(e.code().value()) ? "accepting pauses for a second"
                                               : "a connection could not be accepted; accepting pauses for a second");
    } catch (const std::exception&) {
        report("a connection could not be served; accepting pauses for a second");
    }
    closing_.wait_until(event_loop::current().time_after(pause));
}

void server::state::wait_for_room() {
    while (open_ && options_.max_connections != 0 && connections_.size() >= options_.max_connections) room_.wait();
}

void server::state::begin(socket peer) {
    const auto self = connections_.insert(connections_.end(), {stream(std::move(peer), options_.stream), false, std::nullopt});
    at_end end([this, self] {
        connections_.erase(self);
        room_.notify_all();
        signal_if_ended();
    });
    self->running = create_task([this, self, end = std::move(end)] { serve(*self); },
                                {.name = "connection", .stack_size = options_.stack_size});
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

// ------------------------------------------------------------------------------------------------------------- the end

void server::state::signal_if_ended() noexcept {
    if (!open_ && accepting_ == 0 && connections_.empty()) ended_.notify_all();
}

void server::state::close() noexcept {
    if (forked() || !std::exchange(open_, false)) return;
    for (listener& l : listeners_) l.sock.close();
    file_.remove();
    room_.notify_all();
    closing_.notify_all();
    signal_if_ended();
}

void server::state::wait_closed() {
    if (forked())
        throw usage_error("this server is that of the process that this one was forked from, where it goes on");
    while (open_ || accepting_ != 0 || !connections_.empty()) ended_.wait();
}

void server::state::serve_forever() {
    require_open("serve_forever");
    if (forever_) throw usage_error("serve_forever: another task is in it already; wait_closed() waits as well");
    start();
    struct serving {
        bool& forever;
        ~serving() { forever = false; }
    } const here{forever_ = true};
    try {
        wait_closed();
    } catch (const cancelled_error&) {
        close();
        defer_cancellation([&] { wait_closed(); });
        throw;
    }
}

void server::state::end() noexcept {
    close();
    for (connection& c : connections_) c.running->cancel("the server has ended");
    try {
        defer_cancellation([&] { wait_closed(); });
    } catch (...) {
        report_unraisable("while a server was destroyed", std::current_exception());
    }
}

}  // namespace crocus
