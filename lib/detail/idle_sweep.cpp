#include <crocus/detail/idle_sweep.hpp>

#include <crocus/detail/runnable.hpp>

namespace crocus::detail {

namespace {

constexpr auto interval = std::chrono::milliseconds(500);
constexpr std::size_t tasks_per_step = 512;
constexpr std::size_t few_tasks = 64;    // their stacks are not worth a wake-up
constexpr unsigned char idle_after = 2;  // rounds: at least one interval

}  // namespace

time_point idle_sweep::due(const agent_list& tasks) const noexcept {
    if (in_round_) return time_point::min();
    if (tasks.size() <= few_tasks || quiet_rounds_ >= idle_after) return time_point::max();
    return next_round_.value_or(time_point::min());
}

void idle_sweep::step(agent_list& tasks, time_point now) noexcept {
    if (!in_round_) {
        if (tasks.size() <= few_tasks || quiet_rounds_ >= idle_after) return;
        if (!next_round_) next_round_ = now + interval;
        if (now < *next_round_) return;
        in_round_ = true;
        tasks.cursor = tasks.first();
    }
    for (std::size_t i = 0; i != tasks_per_step && tasks.cursor != nullptr; ++i) {
        green_agent& task = *tasks.cursor;
        tasks.cursor = task.next_task;
        if (task.parked() && task.idle_rounds < idle_after && ++task.idle_rounds == idle_after)
            task.flow->give_back_unused();
    }
    if (tasks.cursor != nullptr) return;
    in_round_ = false;
    ++quiet_rounds_;
    next_round_ = now + interval;
}

}  // namespace crocus::detail
