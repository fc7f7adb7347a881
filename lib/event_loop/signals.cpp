#include "signals.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

namespace crocus {

namespace detail {

signal_handlers::~signal_handlers() {
    for (auto& [signal, h] : of_) h.callback->stop();
}

void signal_handlers::set(int signal, counted<recurring> callback, io_driver& wakes) {
    handler& h = of_.try_emplace(signal, signal, wakes).first->second;
    if (const auto before = std::exchange(h.callback, std::move(callback))) before->stop();
}

bool signal_handlers::remove(int signal) noexcept {
    const auto at = of_.find(signal);
    if (at == of_.end()) return false;
    const auto callback = at->second.callback;
    of_.erase(at);
    callback->stop();
    return true;
}

void signal_handlers::look(event_loop& loop) noexcept {
    for (auto& [signal, h] : of_)
        if (h.claim.take()) h.callback->trigger(loop);
}

}  // namespace detail

void event_loop::handle_signal(int signal, detail::counted<detail::recurring> callback) {
    const std::string name = "signal " + std::to_string(signal);
    if (signal < 1 || signal >= NSIG) throw std::invalid_argument("there is no " + name);
    if (!detail::signal_claim::is_main_thread())
        throw usage_error("signal handlers are the main thread's to add: " + name + " was asked for on another");
    if (signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL)
        throw usage_error(name + " is a fault of the instruction that runs, and cannot wait for a callback");
    require_open();
    if (!signals_) signals_ = std::make_unique<detail::signal_handlers>();
    signals_->set(signal, std::move(callback), *driver_);
}

bool event_loop::remove_signal_handler(int signal) noexcept { return signals_ && signals_->remove(signal); }

}  // namespace crocus
