#include <crocus/task.hpp>

#include <atomic>

namespace crocus {

namespace detail {

std::string default_task_name() {
    static std::atomic<unsigned long> made{0};
    return "Task-" + std::to_string(++made);
}

task_agent::task_agent(event_loop& loop, std::string name, std::size_t stack_size)
    : green_agent(loop), name_(std::move(name)), stack_size_(stack_size) {}

task_agent::~task_agent() = default;

void task_agent::launch() noexcept {
    outcome().add_owner();  // the loop's share, until it has ended
    loop().tasks().add(*this);
    loop().make_ready(*this);
}

fiber* task_agent::start() noexcept {
    try {
        fiber_.emplace(stack(stack_size_), &task_agent::entry, this);
        return &*fiber_;
    } catch (...) {
        release_function();
        outcome().finish_with(std::current_exception());
    }
    loop().task_ended(*this);
    outcome().drop_owner();
    return nullptr;
}

void task_agent::entry(fiber&, void* argument) {
    auto& self = *static_cast<task_agent*>(argument);
    self.run();
    if (self.outcome().owners() == 1) self.drop_value();  // nobody asks for it; its destructor may suspend, here
    self.loop().task_ended(self);
    self.loop().exit_running(
        [](void* ended) noexcept {
            auto& task = *static_cast<task_agent*>(ended);
            task.fiber_.reset();
            task.outcome().drop_owner();
        },
        argument);
}

/// Runs the function and ends the future with what it came to. The function is destroyed before anybody is woken: its
/// destructor may suspend, and what it captured by reference may go away with whoever awaits the task.
void task_agent::run() {
    try {
        throw_if_cancelled();  // before the first step: the function never runs (T7)
        run_function();
        end_function();
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

bool any_task::cancel(const std::string& message) {
    return state_ ? state_->cancel(message) : agent_->cancel(message);
}

any_task current_task() {
    agent::current();  // throws in a callback
    return any_task(*event_loop::current().running());
}

std::vector<any_task> all_tasks() {
    std::vector<any_task> tasks;
    for (auto* a = event_loop::current().tasks().first(); a != nullptr; a = a->next_task) tasks.push_back(any_task(*a));
    return tasks;
}

}  // namespace crocus
