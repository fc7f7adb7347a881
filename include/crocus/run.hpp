// A program around a function: a fresh loop, Ctrl-C, and an orderly end (asyncio.run, asyncio.Runner).
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/io_driver.hpp>
#include <crocus/task.hpp>

namespace crocus {

struct run_options {
    std::unique_ptr<io_driver> driver = nullptr;  // null: make_io_driver()
    bool handle_interrupt = true;  // SIGINT cancels the main flow, on the main thread, if nobody else handles it
    std::optional<bool> debug = std::nullopt;  // the loop's debug mode; nothing: as the environment says
};

namespace detail {
class signal_claim;
struct once {};
}  // namespace detail

/// A loop that several functions are run in, one after the other (asyncio.Runner). It is made at the first run(); tasks
/// and context variables that a function leaves are there in the next.
///
/// Thread: the one that runs it.
class CROCUS_EXPORT runner {
public:
    explicit runner(run_options options = {});
    /// For crocus::run alone.
    runner(run_options options, detail::once);
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;
    /// close(). What that would throw goes to the unraisable hook.
    ~runner();

    /// Calls `f()` as the main flow of the loop, on the calling thread's own stack, and returns what it returns. Tasks
    /// that it leaves stand still until the next run(). Ctrl-C is as in crocus::run. (C19, C20)
    ///
    /// Throws: what f throws;   usage_error   inside a task or another run: there, call f; or it was closed
    template <class F>
    std::invoke_result_t<F&> run(F&& f) {
        using result = std::invoke_result_t<F&>;
        detail::slot<result> value;
        std::exception_ptr error;
        begin();
        try {
            const auto call = [&]() -> decltype(auto) { return std::invoke(f); };
            if constexpr (std::is_void_v<result>)
                context_ ? context_->run(call) : call();
            else
                value.set(context_ ? context_->run(call) : call());
        } catch (...) {
            error = std::current_exception();
        }
        // Not in the handler: the tasks that end now must not find an exception being handled.
        error = end(std::move(error));
        if (error) std::rethrow_exception(error);
        if constexpr (!std::is_void_v<result>) return static_cast<result&&>(value.get());
    }

    /// The loop, made now if there is none yet.
    ///
    /// Throws: usage_error   it was closed;   std::system_error   no descriptor is left for its driver
    event_loop& get_loop();

    /// Cancels and awaits the tasks that are left, and shuts the default executor down. Does nothing if it is closed.
    ///
    /// Throws: usage_error   inside a task or a run(), its own or another;   what the driver failed with
    void close();

private:
    void begin();
    /// Returns how the main flow ended, which a request that it did not meet cancels (T9). If an interrupt ended it,
    /// the process dies of that once all is cleaned up.
    std::exception_ptr end(std::exception_ptr error);
    std::exception_ptr shut_down(std::exception_ptr error);
    void take_interrupt();
    void deliver_interrupt();

    run_options options_;
    std::unique_ptr<event_loop> loop_;
    std::optional<context> context_;  // that the functions share; none for a run() alone
    std::optional<detail::loop_runs> runs_;
    std::unique_ptr<detail::signal_claim> interrupt_;
    bool once_ = false;
    bool closed_ = false;
    bool delivered_ = false;
};

/// Calls `f()` as the main flow of a fresh loop, on the calling thread's own stack, and returns what it returns.
///
/// Afterwards, also when f throws: tasks that are left are cancelled and awaited, the default executor is shut down.
/// Ctrl-C cancels f, as cancel() would a task; a second one ends the program at once. If f lets the cancellation
/// through, the program dies of SIGINT once all is cleaned up, as its shell expects; catch cancelled_error in f to go
/// on. (C18, C20)
///
/// Throws: what f throws;   usage_error   called inside a task or another run: there, call f
template <class F>
std::invoke_result_t<F&> run(F&& f, run_options options = {}) {
    return runner(std::move(options), detail::once{}).run(f);
}

template <class What>
auto event_loop::run_until_complete(What&& what, std::source_location site) {
    const detail::loop_runs runs(*this, "run_until_complete()");
    auto done = [&] {
        if constexpr (is_future<std::remove_cvref_t<What>>) {
            what.state()->require_this_loop();
            return std::decay_t<What>(what);
        } else if constexpr (is_coroutine<std::remove_cvref_t<What>>) {
            return create_task(std::forward<What>(what), task_options{.stack_size = what.stack_size(), .loop = this});
        } else {
            return create_task(std::forward<What>(what), task_options{.loop = this}, site);
        }
    }();
    if (!wait_until_done(done.state().get())) throw loop_stopped(done.to_string());
    return done.result();
}

}  // namespace crocus
