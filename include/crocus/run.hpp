// A program around a function: a fresh loop, Ctrl-C, and an orderly end (asyncio.run).
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io_driver.hpp>

namespace crocus {

struct run_options {
    std::unique_ptr<io_driver> driver = nullptr;  // null: make_io_driver()
    bool handle_interrupt = true;  // SIGINT cancels the main flow, on the main thread, if nobody else handles it
};

namespace detail {

class signal_claim;

/// The loop of one run(), while it lasts.
class CROCUS_EXPORT run_scope {
public:
    explicit run_scope(run_options options);
    run_scope(const run_scope&) = delete;
    run_scope& operator=(const run_scope&) = delete;
    ~run_scope();

    /// Cancels what is left, waits for it, shuts executors down. If `error` is how an interrupt ended the main flow, then
    /// the process dies of it. Returns how the main flow ended, which a request that it did not meet cancels (T9).
    std::exception_ptr finish(std::exception_ptr error);

private:
    void take_interrupt();
    void deliver_interrupt();

    std::unique_ptr<event_loop> loop_;
    event_loop* before_;
    std::unique_ptr<signal_claim> interrupt_;
    bool delivered_ = false;
};

}  // namespace detail

/// Calls `f()` as the main flow of a fresh loop, on the calling thread's own stack, and returns what it returns.
///
/// Afterwards, also when f throws: tasks that are left are cancelled and awaited, the default executor is shut down.
/// Ctrl-C cancels f, as cancel() would a task; a second one ends the program at once. If f lets the cancellation through,
/// the program dies of SIGINT once all is cleaned up, as its shell expects; catch cancelled_error in f to go on. (C18, C20)
///
/// Throws: what f throws;   usage_error   called inside a task or another run: there, call f
template <class F>
std::invoke_result_t<F&> run(F&& f, run_options options = {}) {
    using result = std::invoke_result_t<F&>;
    detail::slot<result> value;
    std::exception_ptr error;
    {
        detail::run_scope scope(std::move(options));
        try {
            if constexpr (std::is_void_v<result>)
                std::invoke(f);
            else
                value.set(std::invoke(f));
        } catch (...) {
            error = std::current_exception();
        }
        // Not in the handler: the tasks that end now must not find an exception being handled.
        error = scope.finish(std::move(error));
    }
    if (error) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<result>) return static_cast<result&&>(value.get());
}

}  // namespace crocus
