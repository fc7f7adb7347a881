#include <crocus/run.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>

#include <crocus/error.hpp>

namespace crocus::detail {

namespace {

// What the signal handler may touch. One run() of a process, on one thread, handles SIGINT at a time.
std::atomic<bool> interrupted{false};
std::atomic<io_driver*> interrupted_driver{nullptr};
static_assert(std::atomic<io_driver*>::is_always_lock_free);

void on_interrupt(int) {
    const int error_number = errno;
    if (interrupted.exchange(true)) {
        std::signal(SIGINT, SIG_DFL);  // the second one: do not wait for the clean-up
        std::raise(SIGINT);
    }
    if (io_driver* const driver = interrupted_driver.load()) driver->wake();
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
    struct sigaction now {};
    return sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_DFL;
}

std::unique_ptr<io_driver> driver_of(run_options& options) {
    if (event_loop* const loop = event_loop::current_if_any(); loop != nullptr) {
        const bool in_own_main_flow = loop->running() == &loop->main_agent() && !loop->made_by_run();
        if (!in_own_main_flow)
            throw usage_error("run() was called inside a task or another run(): there is a loop already, call the "
                              "function itself");
    }
    return options.driver ? std::move(options.driver) : make_io_driver();
}

}  // namespace

run_scope::run_scope(run_options options) : loop_(driver_of(options)), before_(loop_.attach()) {
    loop_.set_made_by_run();
    handles_interrupt_ = options.handle_interrupt && interrupt_is_free();
    if (!handles_interrupt_) return;
    interrupted = false;
    interrupted_driver = &loop_.driver();
    loop_.set_wake_hook([this] {
        if (!interrupted || std::exchange(delivered_, true)) return;
        loop_.main_agent().cancel("interrupted (SIGINT)");
    });
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
}

run_scope::~run_scope() { loop_.detach(before_); }

void run_scope::finish(const std::exception_ptr& error) {
    loop_.shut_down();
    if (!handles_interrupt_) return;
    std::signal(SIGINT, SIG_DFL);
    interrupted_driver = nullptr;
    if (delivered_ && is_cancellation(error)) std::raise(SIGINT);
}

}  // namespace crocus::detail
