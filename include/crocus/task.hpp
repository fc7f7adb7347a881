// Green threads: functions that run concurrently on one thread (asyncio.Task).
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/detail/task_state.hpp>
#include <crocus/future.hpp>
#include <crocus/stack.hpp>

namespace crocus {

struct task_options {
    std::string name = {};                           // empty: "Task-N"
    std::size_t stack_size = stack::default_size();  // bytes
};

/// A future whose result a function of its own computes, on a stack of its own.
///
/// Letting a handle go does not stop the task: its loop owns it until it has ended. An exception that leaves the
/// function belongs to whoever awaits the task; one that nobody retrieves is reported with the task's name and the
/// place where it was made.
template <class T>
class task : public future<T> {
public:
    using state_type = detail::task_values<T>;

    explicit task(detail::counted<state_type> state) noexcept
        : future<T>(detail::counted<detail::future_values<T>>(state.get())), task_(state.get()) {}

    [[nodiscard]] std::string name() const { return task_->name(); }
    void set_name(std::string name) { task_->set_name(std::move(name)); }

    /// Requests to cancel that were not taken back (T12). cancel() itself, from future: raises cancelled_error where
    /// the task waits, now or next; false if it has ended. Before its first step its function never runs (T7).
    [[nodiscard]] int cancelling() const noexcept { return task_->cancelling(); }
    int uncancel() noexcept { return task_->uncancel(); }

private:
    friend class any_task;
    state_type* task_;  // kept alive by the future
};

/// A task of any result, or a thread's main flow.
class CROCUS_EXPORT any_task {
public:
    template <class T>
    any_task(const task<T>& t) noexcept  // NOLINT: a task is one
        : agent_(t.task_), state_(static_cast<detail::future_state*>(t.task_)) {}

    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool done() const noexcept { return state_ && state_->done(); }
    bool cancel(const std::string& message = {});
    [[nodiscard]] int cancelling() const noexcept { return agent_->cancelling(); }
    int uncancel() noexcept { return agent_->uncancel(); }

    friend bool operator==(const any_task& a, const any_task& b) noexcept { return a.agent_ == b.agent_; }

private:
    friend any_task current_task();
    friend std::vector<any_task> all_tasks();
    explicit any_task(detail::green_agent& agent) noexcept;

    detail::green_agent* agent_;
    detail::counted<detail::future_state> state_;  // null: a main flow
};

namespace detail {

/// The result of a task that runs an F.
template <class F, class Result = std::invoke_result_t<std::decay_t<F>&>>
using task_value = std::conditional_t<std::is_rvalue_reference_v<Result>, std::remove_reference_t<Result>, Result>;

/// What a task is, for its handle, before it is launched.
template <class F>
auto* new_task(F&& f, task_options& options, const std::source_location& site) {
    return new task_of<task_value<F>, std::decay_t<F>>(std::forward<F>(f), event_loop::current(), options.name,
                                                       options.stack_size, site);
}

}  // namespace detail

/// Makes a task that will run `f()`, after all that is ready now (T1). Makes the thread's loop if there is none.
///
/// Await the handle, or keep it where something will: what f throws is reported only when nobody can retrieve it.
/// What f captures by reference must outlive the task; gather() and its kind see to that by waiting.
///
/// Throws: loop_closed   the thread is ending
/// Cost:   one allocation; the stack is taken from the pool when the task first runs
template <class F>
    requires std::invocable<std::decay_t<F>&>
[[nodiscard("keep the handle and await it, or the task's failure is seen by nobody")]] auto create_task(
    F&& f, task_options options = {}, std::source_location site = std::source_location::current()) {
    using value = detail::task_value<F>;
    auto* const state = detail::new_task(std::forward<F>(f), options, site);
    task<value> handle{detail::counted<detail::task_values<value>>(state)};
    state->launch();
    return handle;
}

/// The same for a coroutine, which the task takes: the handle is left as one that was moved from. Without options the
/// coroutine's name and size of stack are the task's; the place where it was made always is.
///
/// Throws: coroutine_being_awaited     it was begun: who began it must go on
///         coroutine_already_awaited   it has ended, or was moved from
template <class C>
    requires is_coroutine<std::remove_reference_t<C>>
[[nodiscard("keep the handle and await it, or the task's failure is seen by nobody")]] auto create_task(
    C&& c, task_options options) {
    c.take();
    const std::source_location site = c.site();
    if (options.name.empty()) options.name = c.name();
    return create_task([taken = std::move(c)]() mutable { return taken.await(); }, std::move(options), site);
}
template <class C>
    requires is_coroutine<std::remove_reference_t<C>>
[[nodiscard("keep the handle and await it, or the task's failure is seen by nobody")]] auto create_task(C&& c) {
    return create_task(std::forward<C>(c), task_options{.stack_size = c.stack_size()});
}

/// The task that the caller runs in; in a main flow, that (T21).
///
/// Throws: cannot_suspend   the caller is a loop callback
CROCUS_EXPORT any_task current_task();

/// The tasks of the calling thread's loop that have not ended, oldest first, without the main flow (T21).
CROCUS_EXPORT std::vector<any_task> all_tasks();

}  // namespace crocus
