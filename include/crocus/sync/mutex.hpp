// Mutual exclusion between green threads (asyncio.Lock).
#pragma once

#include <source_location>
#include <string>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// What one task at a time has. It may be held across a suspension, which is what it is for: what does not suspend is
/// never interrupted, and needs none.
///
/// Strictly first come, first served: unlock() hands it to the task that has waited longest, and nobody can take it on
/// the way. A task that is cancelled after it was handed over has it, and is cancelled at its next wait. (Q1, Q2)
///
/// It is Lockable: std::lock_guard, std::unique_lock, std::scoped_lock and std::lock work with it. Any task may unlock
/// it. It is not recursive: who locks it twice waits for ever, or gets a deadlock_error.
///
/// Requires: whoever has it has unlocked it when it is destroyed, also who was handed it and has not run yet. Who still
///           waits gets a usage_error
/// Thread: the loop's own. Between threads there is the channel.
class CROCUS_EXPORT mutex {
public:
    /// `made` is for reports.
    explicit mutex(std::source_location made = std::source_location::current()) noexcept : self_{"mutex", made} {}

    /// Suspends: while it is locked, or others wait
    /// Throws:   cancelled_error   it was not locked
    ///           cannot_suspend    called in a loop callback
    /// Cost:     2 ns with unlock(), if it is free
    [[gnu::always_inline]] void lock() {
        detail::check_can_suspend();
        if (try_lock()) return;
        waiters_.wait();
        note_holder();
    }

    [[nodiscard]] bool try_lock() noexcept {
        if (locked_) return false;
        locked_ = true;
        note_holder();
        return true;
    }

    /// Locks it, unless `d` passes first. False if that did.
    ///
    /// Suspends, Throws: as lock()
    [[nodiscard]] bool try_lock_for(duration d);
    [[nodiscard]] bool try_lock_until(time_point deadline);

    /// Throws: usage_error   it is not locked
    void unlock() {
        if (waiters_.empty() && locked_) [[likely]]
            locked_ = false;
        else
            hand_over();
    }

    [[nodiscard]] bool locked() const noexcept { return locked_; }

    /// "mutex [locked, waiters:1]" (Q15)
    [[nodiscard]] std::string to_string() const;

private:
    void note_holder() noexcept { self_.holder = event_loop::running_if_any(event_loop::current_if_any()); }
    void hand_over();

    detail::wait_subject self_;
    wait_queue waiters_{self_};
    bool locked_ = false;
};

}  // namespace crocus
