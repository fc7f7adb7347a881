#include <crocus/task.hpp>

#include <atomic>

#include <crocus/error.hpp>

namespace crocus {

namespace detail {

std::uint64_t next_task_number() noexcept {
    constexpr std::uint64_t block = 1024;  // numbers that a thread takes at once: they are made by the million
    static std::atomic<std::uint64_t> taken{0};
    [[gnu::tls_model("initial-exec")]] constinit thread_local std::uint64_t last = 0;
    if (last % block == 0) last = taken.fetch_add(block, std::memory_order_relaxed);
    return ++last;
}

std::string task_agent::name() const {
    std::string given = name_.get();
    return given.empty() ? "Task-" + std::to_string(number_) : given;
}

void task_agent::run_to_end() noexcept {
    run();
    if (context) [[unlikely]]
        context = {};  // their destructors may suspend, here; and a value may hold a handle of this very task
    end();
}

void task_agent::give_up(std::exception_ptr why) noexcept {
    release_function();
    outcome().finish_with(std::move(why));
    end();
}

void task_agent::end() noexcept {
    loop().task_ended(*this);
    outcome().drop_owner();
}

/// Runs the function and ends the future with what it came to. The function is destroyed before anybody is woken: its
/// destructor may suspend, and what it captured by reference may go away with whoever awaits the task.
void task_agent::run() noexcept {
    try {
        throw_if_cancelled();  // before the first step: the function never runs (T7)
        run_function();
        end_function();
        if (outcome().owners() == 1) drop_value();  // nobody asks for it; its destructor may suspend, here
        if (!cancel_pending()) return outcome().finish();
        drop_value();  // a request that was never delivered still ends the task as cancelled (T9)
        outcome().finish_cancelled(cancel_message());
    } catch (const cancelled_error& e) {
        end_function();
        outcome().finish_cancelled(e.message());
    } catch (...) {
        end_function();
        outcome().finish_with(awaitable_error(std::current_exception()));
    }
}

/// From here on only destructors run, and none of them may be left by a cancellation: it is held.
void task_agent::end_function() noexcept {
    hold_cancellation();
    release_function();
}

}  // namespace detail

any_task::any_task(detail::green_agent& agent) noexcept : agent_(&agent) {
    if (auto* const task = dynamic_cast<detail::task_agent*>(&agent); task != nullptr)
        state_ = detail::counted<detail::future_state>(&task->outcome());
}

std::string any_task::name() const {
    auto* const task = dynamic_cast<detail::task_agent*>(agent_);
    return task != nullptr ? task->name() : agent_->describe();
}

bool any_task::cancel(const std::string& message) { return state_ ? state_->cancel(message) : agent_->cancel(message); }

any_task current_task() {
    if (auto* const running = event_loop::current().running_or_driving(); running != nullptr) return any_task(*running);
    throw cannot_suspend("a loop callback runs in no task: call create_task in it, and ask for the current one there");
}

std::vector<any_task> all_tasks() {
    std::vector<any_task> tasks;
    for (auto* a = event_loop::current().tasks().first(); a != nullptr; a = a->next_task) tasks.push_back(any_task(*a));
    return tasks;
}

}  // namespace crocus
