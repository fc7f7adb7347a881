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
#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/detail/task_state.hpp>
#include <crocus/future.hpp>
#include <crocus/stack.hpp>

namespace crocus {

struct task_options {
    std::string name = {};                           // empty: "Task-N"
    std::size_t stack_size = stack::default_size();  // bytes
    bool eager_start = false;                        // it runs up to its first wait inside create_task (T23)
    event_loop* loop = nullptr;                      // null: the calling thread's
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

template <class T>
inline constexpr bool is_future<task<T>> = true;

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

    /// A copy of the context that it has now (Task.get_context); an empty one once it has ended.
    [[nodiscard]] context get_context() const { return context::copy_of(agent_->context); }

    [[nodiscard]] detail::green_agent& agent() const noexcept { return *agent_; }
    /// Null: a main flow.
    [[nodiscard]] const detail::counted<detail::future_state>& state() const noexcept { return state_; }

    friend bool operator==(const any_task& a, const any_task& b) noexcept { return a.agent_ == b.agent_; }

private:
    friend any_task current_task();
    friend std::vector<any_task> all_tasks();
    explicit any_task(detail::green_agent& agent) noexcept;

    detail::green_agent* agent_;
    detail::counted<detail::future_state> state_;  // null: a main flow
};

namespace detail {

[[gnu::always_inline]] inline event_loop& loop_for(task_options& options) {
    event_loop& loop = options.loop != nullptr ? *options.loop : event_loop::current();
    if (loop.examines_tasks()) [[unlikely]]
        loop.examine(options);
    return loop;
}

/// The result of a task that runs an F.
template <class F, class Result = std::invoke_result_t<std::decay_t<F>&>>
using task_value = std::conditional_t<std::is_rvalue_reference_v<Result>, std::remove_reference_t<Result>, Result>;

/// What a task is, for its handle, before it is launched.
template <class F>
auto* new_task(F&& f, task_options& options, const std::source_location& site) {
    event_loop& loop = loop_for(options);
    return new task_of<task_value<F>, std::decay_t<F>>(std::forward<F>(f), loop, options.name, options.stack_size,
                                                       site);
}

}  // namespace detail

/// Makes a task that will run `f()`, after all that is ready now (T1). Makes the thread's loop if there is none.
///
/// One that starts eagerly runs at once, and the caller goes on, before all else, when it waits or has ended: a tree of
/// such tasks is walked in depth with few stacks. In a callback, which cannot wait, in a coroutine that is driven by
/// hand, and for a loop that is not the calling thread's now, it begins when its turn comes. (T23)
///
/// Await the handle, or keep it where something will: what f throws is reported only when nobody can retrieve it.
/// What f captures by reference must outlive the task; gather() and its kind see to that by waiting.
///
/// Throws: loop_closed   the loop is closed, or the thread is ending;   what the loop's task factory throws
/// Cost:   one allocation; the stack is taken from the pool when the task first runs
template <class F>
    requires std::invocable<std::decay_t<F>&>
[[nodiscard("keep the handle and await it, or the task's failure is seen by nobody")]] auto create_task(
    F&& f, task_options options = {}, std::source_location site = std::source_location::current()) {
    using value = detail::task_value<F>;
    auto* const state = detail::new_task(std::forward<F>(f), options, site);
    task<value> handle{detail::counted<detail::task_values<value>>(state)};
    if (options.eager_start) [[unlikely]]
        state->launch_eagerly();
    else
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

/// `loop.set_task_factory(eager_task_factory)`: all tasks of the loop start eagerly. (T23)
inline void eager_task_factory(event_loop&, task_options& options) { options.eager_start = true; }

/// A handle on what `x` will come to: a future or task itself; a task that is made of a function or a coroutine, or
/// that awaits anything else that await takes, which moves into it. (asyncio.ensure_future, F14)
///
/// Throws: usage_error   the handle belongs to another thread's loop;   and what create_task throws
template <class X>
    requires is_future<std::remove_cvref_t<X>> || std::invocable<std::decay_t<X>&> || awaitable<std::decay_t<X>>
[[nodiscard]] auto ensure_future(X&& x, std::source_location site = std::source_location::current()) {
    using held = std::decay_t<X>;
    if constexpr (is_future<held>) {
        x.state()->require_this_loop();
        return held(std::forward<X>(x));
    } else if constexpr (is_coroutine<held>) {
        return create_task(std::forward<X>(x));
    } else if constexpr (std::invocable<held&>) {
        return create_task(std::forward<X>(x), {}, site);
    } else {
        auto awaits = [x = held(std::forward<X>(x))]() mutable -> decltype(auto) { return await(std::move(x)); };
        return create_task(std::move(awaits), {}, site);
    }
}

/// The task that the caller runs in; in a main flow, that (T21).
///
/// Throws: cannot_suspend   the caller is a loop callback
CROCUS_EXPORT any_task current_task();

/// The tasks of the calling thread's loop that have not ended, oldest first, without the main flow (T21).
CROCUS_EXPORT std::vector<any_task> all_tasks();

}  // namespace crocus
