#include "rehearsal.hpp"

#include <array>

#include <crocus/event_loop.hpp>

namespace crocus {

void detail::rehearsal::draw_first(ready_queue& ready) noexcept {
    if (put_first_ != 0) {
        --put_first_;
        return;
    }
    constexpr std::size_t most_candidates = 32;
    constexpr std::size_t most_seen = 2 * most_candidates;
    std::array<runnable*, most_candidates> before;  // each of them; null for the first
    std::size_t candidates = 0;
    std::size_t seen = 0;
    bool callback_seen = false;
    runnable* last = nullptr;
    for (runnable* r = ready.front(); r != nullptr && candidates != most_candidates && seen != most_seen; ++seen) {
        const bool callback = r->what == runnable::kind::callback;
        if (!callback || !callback_seen) before[candidates++] = last;
        callback_seen = callback_seen || callback;
        last = r;
        r = r->next;
    }
    if (runnable* const drawn = before[numbers_->below(candidates)]) ready.bring_to_front(*drawn);
}

detail::rehearsal& event_loop::rehearse() {
    if (!rehearsal_) rehearsal_ = std::make_unique<detail::rehearsal>();
    return *rehearsal_;
}

void event_loop::draw_order(std::uint64_t seed) {
    rehearse().draw_from(seed);
    decide_steps();
}

/// Whether each step goes by the hub.
void event_loop::decide_steps() noexcept {
    by_the_hub_ = debug_ || (rehearsal_ && rehearsal_->draws());
    budget_.step_singly(by_the_hub_ || looks_ahead_);
}

void event_loop::run_special_step() noexcept {
    if (rehearsal_ && rehearsal_->draws()) rehearsal_->draw_first(ready_);
    if (debug_)
        run_step_and_time_it();
    else
        run_step();
}

}  // namespace crocus
