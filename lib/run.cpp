#include <crocus/run.hpp>

#include <csignal>
#include <cstdio>

#include <crocus/error.hpp>

#include "detail/signal_claim.hpp"

namespace crocus::detail {

namespace {

bool is_cancellation(const std::exception_ptr& error) {
    if (!error) return false;
    try {
        std::rethrow_exception(error);
    } catch (const cancelled_error&) {
        return true;
    } catch (...) {
        return false;
    }
}

bool interrupt_is_free() {
    if (!signal_claim::is_main_thread()) return false;
    struct sigaction now {};
    return sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

std::unique_ptr<io_driver> driver_of(run_options& options) {
    if (event_loop* const loop = event_loop::current_if_any(); loop != nullptr) {
        const bool in_own_main_flow = loop->running_or_driving() == &loop->main_agent() && !loop->made_by_run();
        if (!in_own_main_flow)
            throw usage_error("run() was called inside a task or another run(): there is a loop already, call the "
                              "function itself");
    }
    return options.driver ? std::move(options.driver) : make_io_driver();
}

}  // namespace

run_scope::run_scope(run_options options)
    : loop_(std::make_unique<event_loop>(driver_of(options))), before_(loop_->attach()) {
    loop_->set_made_by_run();
    if (options.handle_interrupt && interrupt_is_free()) take_interrupt();
}

run_scope::~run_scope() {
    if (loop_->forked()) {
        event_loop::keep_of_parent(std::move(loop_));
        return;
    }
    loop_->detach(before_);
    event_loop::dispose(std::move(loop_));
}

void run_scope::take_interrupt() {
    // The second one ends the process at once: it does not wait for the clean-up.
    interrupt_ = std::make_unique<signal_claim>(SIGINT, loop_->driver(), signal_claim::repeated::kills);
    loop_->set_wake_hook([this] { deliver_interrupt(); });
}

void run_scope::deliver_interrupt() {
    if (interrupt_->arrived() && !std::exchange(delivered_, true)) loop_->main_agent().cancel("interrupted (SIGINT)");
}

std::exception_ptr run_scope::finish(std::exception_ptr error) {
    if (loop_->forked()) return error;
    agent& main = loop_->main_agent();
    if (interrupt_) {
        interrupt_->end();    // from here on it ends the process at once
        deliver_interrupt();  // one that came after the loop's last look
    }
    if (!error && main.cancel_pending()) error = std::make_exception_ptr(cancelled_error(main.cancel_message()));
    try {
        loop_->shut_down();
    } catch (...) {
        if (!error) return std::current_exception();
        loop_->call_exception_handler({"while the loop of run() was shut down", std::current_exception()});
    }
    const bool interrupt_ended_it = delivered_ && is_cancellation(error) && main.uncancel() == 0;
    if (interrupt_ended_it) {
        std::fflush(nullptr);  // a signal's death does not
        std::raise(SIGINT);
    }
    return error;
}

}  // namespace crocus::detail
