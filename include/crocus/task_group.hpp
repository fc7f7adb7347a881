// Tasks that live no longer than the call that makes them (asyncio.TaskGroup).
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/context_manager.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/detail/cancel_scope.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/error.hpp>
#include <crocus/fiber.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

struct task_group_options {
    std::size_t limit = 0;  // how many of its tasks run at once; 0: any number
};

/// The tasks of a with_task_group: what its body is given, and may hand on to them.
///
/// Thread: the loop's in which it was made.
class CROCUS_EXPORT task_group {
public:
    /// Makes a task as crocus::create_task does, which the group awaits. The handle may be dropped: what f throws ends
    /// the group. Callable by the body and by the group's tasks, also while the group waits for its end. (T31)
    ///
    /// With a limit, a task for which there is no room begins when one of the others has ended, in the order in which
    /// they were made; until then it is a block of memory without a stack, and a cancellation ends it only then. One
    /// that awaits another of its group keeps its own place meanwhile.
    ///
    /// Throws: task_group_closed   it takes no more: one has failed, it was cancelled, or all have ended (T32). f is
    ///                             destroyed uncalled.
    /// Cost:   two allocations
    template <class F>
        requires std::invocable<std::decay_t<F>&>
    auto create_task(F&& f, task_options options = {}, std::source_location site = std::source_location::current()) {
        make_room();  // first, so that nothing fails once the task is there
        using value = detail::task_value<F>;
        auto* const state = detail::new_task(std::forward<F>(f), options, site);
        task<value> handle{detail::counted<detail::task_values<value>>(state)};
        add(*state, options.eager_start);
        return handle;
    }

    /// The same for a coroutine, which the group takes in any case.
    ///
    /// Throws: coroutine_being_awaited, coroutine_already_awaited   as crocus::create_task;   task_group_closed
    template <class C>
        requires is_coroutine<std::remove_reference_t<C>>
    auto create_task(C&& c, task_options options) {
        c.take();
        const std::source_location site = c.site();
        if (options.name.empty()) options.name = c.name();
        return create_task([taken = std::move(c)]() mutable { return taken.await(); }, std::move(options), site);
    }
    template <class C>
        requires is_coroutine<std::remove_reference_t<C>>
    auto create_task(C&& c) {
        return create_task(std::forward<C>(c), task_options{.stack_size = c.stack_size()});
    }

    /// Ends the group early: cancels its tasks and its body, which is no failure. (T39)
    ///
    /// Does nothing if it ends already.
    void cancel(const std::string& message = {});

    /// Its tasks that have not ended.
    [[nodiscard]] std::size_t size() const noexcept { return there_; }

    // ------------------------------------------------------------------------------------------------ for with_task_group

    /// Throws: cannot_suspend   the caller is a loop callback
    explicit task_group(task_group_options options);
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group();

    /// Waits until all tasks have ended. `failure` is what left the body, or null. Throws what is to leave the group.
    void close(std::exception_ptr failure);

private:
    class member;
    struct member_list {
        member* first = nullptr;
        member* last = nullptr;
        void add(member& m) noexcept;
        void remove(member& m) noexcept;
    };

    void make_room();
    void add(detail::task_agent& child, bool eager);
    void begin_waiting(const member* at_once = nullptr);
    void ended(member& m) noexcept;
    void abort(const std::string& message);
    void wait();
    void wait_undisturbed();
    [[noreturn]] void throw_failures(std::exception_ptr of_body);

    detail::cancel_scope scope_{agent::current()};
    detail::yield_barrier no_yield_;  // who resumes a generator would be cancelled for the group
    const std::size_t limit_;
    std::size_t there_ = 0;
    std::size_t running_ = 0;  // of those
    bool aborting_ = false;
    bool closing_ = false;
    member_list members_;
    member* waiting_ = nullptr;  // the first that has not begun: so have none after it
    member_list failed_;
    member* room_ = nullptr;
    wait_queue none_left_;
};

namespace detail {

/// What a group's body returns, but nothing that refers to a temporary.
template <class F, class Result = std::invoke_result_t<F, task_group&>>
using group_value = std::conditional_t<std::is_rvalue_reference_v<Result>, std::remove_reference_t<Result>, Result>;

}  // namespace detail

/// Calls `f(group)`, and returns what it returns once all tasks that were made with group.create_task() have ended.
///
/// If a task fails, or f throws, the other tasks are cancelled, and so is f if it still runs; once all have ended their
/// failures are thrown in one exception_group, in the order in which they came, f's last. A task that ends cancelled is
/// no failure. So whatever happens none is left running, and all may refer to the caller's variables. (T31 to T39)
///
/// Suspends: until all have ended
/// Throws:   exception_group    some failed. A cancellation of the caller that came as well is raised at its next wait.
///           cancelled_error    the caller was cancelled: so were the tasks, and they have ended
///           exception_suppressed   cancel() ended f, which would have returned a value. An f that returns a
///                                  std::optional gives an empty one then.
///           generator_exit     f was left by it, and nothing has failed (T38)
///           yield_across_scope where f yields for a generator whose body is outside
/// After:    cancelling() is what it was, but for requests from outside
template <class F>
    requires std::invocable<F, task_group&>
detail::group_value<F> with_task_group(F&& f, task_group_options options = {}) {
    using result = detail::group_value<F>;
    task_group group(options);
    detail::slot<result> returned;
    std::exception_ptr failure;
    try {
        if constexpr (std::is_void_v<result>)
            std::invoke(std::forward<F>(f), group);
        else
            returned.set(std::invoke(std::forward<F>(f), group));
    } catch (...) {
        failure = std::current_exception();
    }
    group.close(std::move(failure));
    if constexpr (!std::is_void_v<result>) {
        if (!returned.has_value()) {
            if constexpr (detail::is_optional<result>)
                returned.set(std::nullopt);
            else
                throw exception_suppressed(
                    "with_task_group: cancel() ended the body, so there is no value to return. Let the body return a "
                    "std::optional: it is empty then");
        }
        return static_cast<result&&>(returned.get());
    }
}

}  // namespace crocus
