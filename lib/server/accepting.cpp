#include "accepting.hpp"

#include <cerrno>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/timeout.hpp>

#include "../detail/at_end.hpp"

namespace crocus::detail {

namespace {

constexpr int accepts_between_yields = 64;
constexpr std::chrono::seconds pause{1};
constexpr std::chrono::seconds patience{5};  // with connections, when serve_forever was cancelled

bool is_exhaustion(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// It was the connection's own: it had failed before it was accepted.
bool is_of_the_connection(int error) noexcept {
    return error == ECONNABORTED || error == EPROTO || error == EPERM || error == ENETDOWN || error == ENETUNREACH ||
           error == EHOSTDOWN || error == EHOSTUNREACH || error == ENONET;
}

void report(const char* message) noexcept {
    event_loop::current().call_exception_handler({message, std::current_exception()});
}

}  // namespace

accepting::accepting(accepting_owner& owner, std::vector<socket> bound, const listen_options& options)
    : owner_(owner), options_(options) {
    for (socket& s : bound) {
        addresses_.push_back(s.local_address());
        listeners_.push_back({std::move(s), std::nullopt});
    }
    if (options_.remove_socket_file && listeners_.size() == 1) file_ = socket_file(listeners_.front().sock);
}

void accepting::require_open(const char* operation) const {
    if (!open_) throw usage_error(std::string(operation) + ": the server is closed; start another one");
}

void accepting::start() {
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
    try {
        for (listener& l : listeners_) begin(l, *at++);
    } catch (...) {
        close();  // those that have begun refer to this
        wait_closed_regardless();
        throw;
    }
}

void accepting::begin(listener& l, const address& at) {
    ++tasks_;
    at_end end([this] {
        --tasks_;
        signal_if_ended();
    });
    l.accepts = create_task([this, &l, end = std::move(end)] { accept_all(l.sock); },
                            {.name = "accept " + at.to_string()});
}

// ----------------------------------------------------------------------------------------------------------- accepting

void accepting::accept_all(socket& from) {
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

void accepting::accept_one(socket& from) {
    try {
        wait_for_room();
        socket peer = from.accept();
        wait_for_room();  // another listener may have taken it meanwhile
        if (open_) owner_.take(std::move(peer));
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

void accepting::wait_for_room() {
    while (open_ && options_.max_connections != 0 && owner_.connections() >= options_.max_connections) room_.wait();
}

// ------------------------------------------------------------------------------------------------------------- the end

void accepting::signal_if_ended() noexcept {
    if (has_ended()) ended_.notify_all();
}

void accepting::connection_ended() noexcept {
    room_.notify_all();
    signal_if_ended();
}

void accepting::close() noexcept {
    if (forked() || !std::exchange(open_, false)) return;
    for (listener& l : listeners_) l.sock.close();
    file_.remove();
    room_.notify_all();
    closing_.notify_all();
    signal_if_ended();
}

void accepting::wait_closed() {
    if (forked())
        throw usage_error("this server is that of the process that this one was forked from, where it goes on");
    while (!has_ended()) ended_.wait();
}

void accepting::wait_closed_regardless() {
    defer_cancellation([&] { wait_closed(); });
}

void accepting::serve_forever() {
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
        end_connections_in_time();
        throw;
    }
}

/// A peer that takes nothing must not keep a program from ending.
void accepting::end_connections_in_time() {
    owner_.end_connections();
    defer_cancellation([&] {
        if (move_on_after(patience, [&] { wait_closed(); })) return;
        owner_.abort_connections();
        wait_closed();
    });
}

}  // namespace crocus::detail
