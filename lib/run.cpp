#include <crocus/run.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <thread>

#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

namespace crocus {

namespace {

// What the signal handler may touch. It may run on any thread; the run() that handles SIGINT is on the main one.
std::atomic<bool> interrupted{false};
std::atomic<int> handlers_running{0};
std::atomic<io_driver*> interrupted_driver{nullptr};
static_assert(std::atomic<io_driver*>::is_always_lock_free);

void on_interrupt(int) {
    const int error_number = errno;
    ++handlers_running;
    if (interrupted.exchange(true)) {
        std::signal(SIGINT, SIG_DFL);  // the second one: do not wait for the clean-up
        std::raise(SIGINT);
    }
    if (io_driver* const driver = interrupted_driver.load()) driver->wake();
    --handlers_running;
    errno = error_number;
}

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
    if (::gettid() != ::getpid()) return false;
    struct sigaction now {};
    return sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

}  // namespace

runner::runner(run_options options) : options_(std::move(options)), context_(context::copy_current()) {}

runner::runner(run_options options, detail::once) : options_(std::move(options)), once_(true) {}

runner::~runner() {
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
    handles_interrupt_ = true;
    delivered_ = false;
    interrupted = false;
    interrupted_driver = &loop_->driver();
    loop_->set_wake_hook([this] { deliver_interrupt(); });
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
}

void runner::give_back_interrupt() {
    std::signal(SIGINT, SIG_DFL);
    interrupted_driver = nullptr;
    while (handlers_running != 0) std::this_thread::yield();  // on another thread: it may have seen the driver
}

void runner::deliver_interrupt() {
    if (interrupted && !std::exchange(delivered_, true)) loop_->main_agent().cancel("interrupted (SIGINT)");
}

std::exception_ptr runner::end(std::exception_ptr error) {
    agent& main = loop_->main_agent();
    if (handles_interrupt_) {
        give_back_interrupt();  // from here on it ends the process at once
        deliver_interrupt();    // one that came after the loop's last look
        loop_->set_wake_hook({});
        handles_interrupt_ = false;
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
    if (std::exchange(closed_, true) || !loop_) return;
    runs_.emplace(*loop_, "close()");
    const auto error = shut_down(nullptr);
    runs_.reset();
    if (error) std::rethrow_exception(error);
}

}  // namespace crocus
