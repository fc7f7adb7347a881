#include <crocus/detail/poll_budget.hpp>

#include <algorithm>

#include "ticks.hpp"

namespace crocus::detail {

namespace {
constexpr std::uint32_t most_steps_per_look = 128;
constexpr std::uint64_t longest_batch = 20 * ticks_between_polls;
}

void poll_budget::restart(std::uint32_t ready) noexcept {
    if (!counts_) started_ = looked_ = ticks();
    steps_left_ = single_ ? 1 : steps_per_look_;
    owed_ = ready;
    spent_ = false;
}

void poll_budget::expire() noexcept {
    started_ = looked_ = 0;
    steps_left_ = steps_per_look_ = 1;
    spent_ = true;
}

bool poll_budget::look() noexcept {
    if (counts_) {
        spent_ = !single_ || ++looked_ % most_steps_per_look == 0;
        steps_left_ = single_ ? 1 : most_steps_per_look;
        return true;
    }
    const std::uint64_t now = ticks();
    const std::uint64_t since_last_look = now - looked_;
    owed_ -= std::min(owed_, single_ ? 1U : steps_per_look_);
    if (since_last_look > ticks_between_polls / 4)
        steps_per_look_ = 1;
    else if (since_last_look < ticks_between_polls / 16 && steps_per_look_ < most_steps_per_look)
        steps_per_look_ *= 2;
    steps_left_ = single_ ? 1 : steps_per_look_;
    looked_ = now;
    spent_ = now - started_ > (owed_ != 0 ? longest_batch : ticks_between_polls);
    return spent_ || single_;
}

void poll_budget::step_singly(bool on) noexcept {
    single_ = on;
    steps_left_ = 1;
}

void poll_budget::count_steps() noexcept {
    counts_ = true;
    steps_per_look_ = most_steps_per_look;
    restart(0);
    looked_ = 0;
}

}  // namespace crocus::detail
