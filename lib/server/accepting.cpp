#include "accepting.hpp"

#include <cerrno>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>

#include <crocus/error.hpp>
#include <crocus/wait_queue.hpp>

#include "../detail/at_end.hpp"

namespace crocus::detail {

namespace {

constexpr int accepts_between_yields = 64;
constexpr std::chrono::seconds pause_when_exhausted{1};

bool is_exhaustion(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// This machine has no such address, or no such kind of them.
bool is_not_here(int error) noexcept { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

void report(const char* message) noexcept {
    event_loop::current().call_exception_handler({message, std::current_exception()});
}

socket bound_to(const address& a, bool reuse_port) {
    socket s(a.family());
    if (reuse_port && !a.is_local()) s.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
    remove_stale_socket(a);
    s.bind(a);
    return s;
}

}  // namespace

void accepting::bind(const std::vector<address>& on, bool reuse_port) {
    std::exception_ptr not_here;
    for (address a : on) {
        if (a.port() == 0 && !addresses_.empty()) a.set_port(addresses_.front().port());
        try {
            add(bound_to(a, reuse_port));
        } catch (const std::system_error& e) {
            if (!is_not_here(e.code().value())) throw;
            not_here = std::current_exception();
        }
    }
    if (listeners_.empty() && not_here) std::rethrow_exception(not_here);
    if (listeners_.empty()) throw usage_error("a server was given no address");
}

void accepting::add(socket bound) {
    const address a = bound.local_address();
    listeners_.push_back({std::move(bound), socket_file(a), std::nullopt});
    addresses_.push_back(a);
}

void accepting::start() {
    if (!open_ || std::exchange(started_, true)) return;
    for (listener& l : listeners_) l.sock.listen(backlog_);
    for (listener& l : listeners_) {
        ++tasks_;
        auto end = at_end([this] {
            --tasks_;
            if (has_ended()) ended_();
        });
        l.accepts = create_task([this, &l, end = std::move(end)] { accept_all(l.sock); },
                                {.name = "accept " + addresses_.front().to_string()});
    }
}

void accepting::accept_all(socket& from) {
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

void accepting::accept_one(socket& from) {
    try {
        taken_(from.accept());
    } catch (const std::system_error& e) {
        if (is_exhaustion(e.code().value())) {
            report("accepting pauses for a second");
            sleep(pause_when_exhausted);
        } else if (e.code().value() != ECONNABORTED) {
            report("a connection could not be accepted");
        }
    }
}

void accepting::close() noexcept {
    if (!std::exchange(open_, false)) return;
    for (listener& l : listeners_) {
        l.file.remove();
        l.sock.close();
    }
    if (has_ended()) ended_();
}

}  // namespace crocus::detail
