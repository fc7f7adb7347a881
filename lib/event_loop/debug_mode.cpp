// What a loop does in debug mode, and for those who want to see its tasks made.
#include <crocus/event_loop.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/no_suspend.hpp>
#include <crocus/task.hpp>

namespace crocus {

std::atomic<bool> detail::debug_mode_in_use{false};
void (*detail::suspension_observer)(event_loop&, const green_agent&) noexcept = nullptr;

void event_loop::set_debug(bool on) {
    debug_ = on;
    if (on) detail::debug_mode_in_use.store(true, std::memory_order_relaxed);
    decide_steps();
    decide_examination();
}

void event_loop::set_task_factory(task_factory factory) {
    task_factory_ = std::move(factory);
    decide_examination();
}

void event_loop::decide_examination() noexcept { examines_tasks_ = closed_ || debug_ || task_factory_; }

void event_loop::examine(task_options& options) {
    require_usable();
    if (const task_factory factory = task_factory_) factory(*this, options);  // it may set another
}

void event_loop::require_can_suspend() {
    const event_loop* const loop = current_if_any();
    if (loop == nullptr || !loop->debug_) return;
    if (const agent& who = agent::current(); !who.may_suspend()) no_suspend::refuse(who);
}

/// On the stack of who suspends. It must not do that once more meanwhile: nobody is the running one.
void event_loop::observe_suspension() noexcept {
    const detail::green_agent* const who = std::exchange(running_, nullptr);
    detail::suspension_observer(*this, *who);
}

void event_loop::run_step_and_time_it() noexcept {
    const detail::runnable& first = *ready_.front();
    std::string who;
    std::source_location site;
    if (first.what == detail::runnable::kind::callback) {
        who = "a callback";
        site = static_cast<const detail::callback&>(first).site;
    } else {
        const auto& agent = static_cast<const detail::green_agent&>(first);
        who = agent.describe();  // it may be gone when its step is over
        site = agent.made_at();
    }
    const time_point began = driver_->now();
    run_step();
    const duration took = driver_->now() - began;
    if (took < slow_callback_duration_) return;
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.3f", std::chrono::duration<double>(took).count());
    call_exception_handler({who + " kept the event loop from going on for " + seconds + " seconds", nullptr, site});
}

}  // namespace crocus
