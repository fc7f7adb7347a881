#include <crocus/run.hpp>

#include <csignal>
#include <cstdio>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

#include "detail/signal_claim.hpp"

namespace crocus {

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
    if (!detail::signal_claim::is_main_thread()) return false;
    struct sigaction now {};
    return sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

}  // namespace

runner::runner(run_options options) : options_(std::move(options)), context_(context::copy_current()) {}

runner::runner(run_options options, detail::once) : options_(std::move(options)), once_(true) {}

runner::~runner() {
    if (loop_ && loop_->forked()) {
        event_loop::keep_of_parent(std::move(loop_));
        return;
    }
    try {
        close();
    } catch (...) {
        report_unraisable("while a runner was destroyed", std::current_exception());
    }
    if (loop_) event_loop::dispose(std::move(loop_));
}

event_loop& runner::get_loop() {
    if (closed_) throw usage_error("the runner is closed");
    if (!loop_) {
        loop_ = std::make_unique<event_loop>(options_.driver ? std::move(options_.driver) : make_io_driver());
        if (options_.debug) loop_->set_debug(*options_.debug);
    }
    return *loop_;
}

void runner::begin() {
    if (runs_) throw usage_error("run() was called inside a run() of the same runner: call the function itself");
    runs_.emplace(get_loop(), "run()");
    if (options_.handle_interrupt && interrupt_is_free()) take_interrupt();
}

void runner::take_interrupt() {
    delivered_ = false;
    // The second one ends the process at once: it does not wait for the clean-up.
    interrupt_ = std::make_unique<detail::signal_claim>(SIGINT, loop_->driver(), detail::signal_claim::repeated::kills);
    loop_->set_wake_hook([this] { deliver_interrupt(); });
}

void runner::deliver_interrupt() {
    if (interrupt_->arrived() && !std::exchange(delivered_, true)) loop_->main_agent().cancel("interrupted (SIGINT)");
}

std::exception_ptr runner::end(std::exception_ptr error) {
    if (loop_->forked()) return error;
    agent& main = loop_->main_agent();
    if (interrupt_) {
        interrupt_->end();    // from here on it ends the process at once
        deliver_interrupt();  // one that came after the loop's last look
        loop_->set_wake_hook({});
        interrupt_.reset();
    }
    if (!error && main.cancel_pending()) error = std::make_exception_ptr(cancelled_error(main.cancel_message()));
    const bool interrupt_ended_it = delivered_ && is_cancellation(error) && main.uncancel() == 0;
    if (once_ || interrupt_ended_it) error = shut_down(std::move(error));
    if (interrupt_ended_it) {
        std::fflush(nullptr);  // a signal's death does not
        std::raise(SIGINT);
    }
    runs_.reset();
    return error;
}

std::exception_ptr runner::shut_down(std::exception_ptr error) {
    closed_ = true;
    try {
        loop_->shut_down();
    } catch (...) {
        if (!error) return std::current_exception();
        loop_->call_exception_handler({"while the loop of run() was shut down", std::current_exception()});
    }
    return error;
}

void runner::close() {
    if (runs_) throw usage_error("a runner cannot be closed inside its own run()");
    if (closed_) return;
    if (loop_) runs_.emplace(*loop_, "close()");
    closed_ = true;
    if (!loop_) return;
    const auto error = shut_down(nullptr);
    runs_.reset();
    if (error) std::rethrow_exception(error);
}

}  // namespace crocus
