// Something that has happened, or has not yet (asyncio.Event).
#pragma once

#include <source_location>
#include <string>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// A flag that tasks wait for.
///
/// set() lets all go on who wait, also if clear() follows before they run. (Q3)
///
/// Thread: the loop's own; from other threads, loop_ref::call_soon([&] { happened.set(); }).
class CROCUS_EXPORT event {
public:
    /// `made` is for reports.
    explicit event(std::source_location made = std::source_location::current()) noexcept : self_{"event", made} {}

    void set() noexcept {
        set_ = true;
        waiters_.notify_all();
    }
    void clear() noexcept { set_ = false; }
    [[nodiscard]] bool is_set() const noexcept { return set_; }

    /// Suspends: until it is set; not at all if it is
    /// Throws:   cancelled_error;   cannot_suspend   called in a loop callback
    [[gnu::always_inline]] void wait() {
        detail::check_can_suspend();
        if (!set_) waiters_.wait();
    }

    /// The same, for `d` at most. False if that passed first.
    [[nodiscard]] bool wait_for(duration d);
    [[nodiscard]] bool wait_until(time_point deadline);

    /// "event [unset, waiters:2]" (Q15)
    [[nodiscard]] std::string to_string() const;

    /// For select: those who wait until it is set.
    [[nodiscard]] wait_queue& waiters() noexcept { return waiters_; }

private:
    detail::wait_subject self_;
    wait_queue waiters_{self_};
    bool set_ = false;
};

}  // namespace crocus
