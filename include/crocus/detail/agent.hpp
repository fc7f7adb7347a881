// What waits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <crocus/config.hpp>
#include <crocus/detail/context_data.hpp>
#include <crocus/detail/rare_text.hpp>
#include <crocus/fiber.hpp>

namespace crocus {

class wait_queue;

namespace detail {
class cancel_scope;
class waiter;
}  // namespace detail

/// Something that can wait: a task, a thread's main flow, a coroutine that is driven by hand, and whatever else learns
/// to (a fiber of another library, a foreign thread). wait_queue parks and unparks agents, and is the one place that
/// does.
///
/// Generators are transparent: what a generator's body awaits, the agent that resumed it awaits.
///
/// Cancellation is asyncio's (T5 to T12). It is delivered where the agent waits. While an exception unwinds the agent's
/// stack, and inside defer_cancellation, it is held, and delivered at the next wait outside. Only scopes that were
/// opened in there, time limits say, still end what they hold for.
///
/// Thread: the agent's own loop's.
class CROCUS_EXPORT agent {
public:
    /// The agent that the caller runs in.
    ///
    /// Throws: cannot_suspend   the caller is a loop callback
    static agent& current();

    agent(const agent&) = delete;
    agent& operator=(const agent&) = delete;

    /// Suspends the agent until unpark(). May be called by the agent itself only.
    virtual void park() = 0;

    /// The same, as that entry of a queue, which is a wait_queue::parked.
    virtual void park_as(detail::waiter& as);

    /// Makes a parked agent ready; does nothing if it is not parked.
    virtual void unpark() noexcept = 0;

    /// Suspends the agent until all that is ready now has run. May be called by the agent itself only.
    virtual void reschedule() = 0;

    /// Asks it to stop: cancelled_error is raised where it waits, now or at its next wait. Always true. (T5)
    bool cancel(std::string message);

    /// How many requests to cancel have come and were not undone by uncancel(). (T12)
    [[nodiscard]] int cancelling() const noexcept { return cancelling_; }
    /// Takes one request back; at 0 also one that has not been delivered. Returns what is left.
    int uncancel() noexcept;

    /// Raises the cancellation that has not been delivered, unless it is held. What suspends calls it first: it throws
    /// usage_error in a no_suspend.
    void throw_if_cancelled() {
        if (cancel_pending()) [[unlikely]]
            throw_cancellation();
    }
    /// The message of that cancellation, which counts as delivered; nothing if there is none, or it is held.
    std::optional<std::string> take_cancellation();
    /// True if there is one, or throw_if_cancelled() would throw for a no_suspend.
    [[nodiscard]] bool cancel_pending() const noexcept { return pending_ != 0; }
    /// True if take_cancellation() would give one.
    [[nodiscard]] bool cancellation_due() const noexcept;
    [[nodiscard]] std::string cancel_message() const { return cancel_message_.get(); }
    [[nodiscard]] bool holds_cancellation() const noexcept { return holds_ > 0 || fiber::current().unwinding(); }

    /// Nests.
    void hold_cancellation() noexcept { ++holds_; }
    void release_cancellation() noexcept { --holds_; }

    /// Inside a no_suspend.
    void forbid_suspension(bool yes) noexcept { pending_ = (pending_ & ~forbidden) | (yes ? forbidden : 0U); }
    [[nodiscard]] bool may_suspend() const noexcept { return (pending_ & forbidden) == 0; }

    /// Throws usage_error inside one.
    void require_may_suspend() {
        if (!may_suspend()) [[unlikely]]
            throw_cancellation();
    }

    /// As what it waits; null if it does not.
    [[nodiscard]] const detail::waiter* waits_as() const noexcept { return waiting_; }

    /// Its context variables. A coroutine that is driven by hand has its driver's, and this while context::run lasts.
    detail::context_slot context;

protected:
    explicit agent(bool green = false) noexcept : green_(green) {}
    virtual ~agent() = default;

private:
    static agent& find_current();
    /// Requests among those that cancelling_ counts; and a repeat.
    [[nodiscard]] int undelivered() const noexcept { return static_cast<int>(pending_ & ~forbidden); }
    void set_undelivered(int n) noexcept { pending_ = (pending_ & forbidden) | static_cast<unsigned>(n); }
    static constexpr unsigned forbidden = 1U << 31U;
    void throw_cancellation();
    void forget_undelivered() noexcept;
    void drop_stale_repeat() noexcept;

    friend class wait_queue;
    friend class detail::cancel_scope;
    friend class detail::waiter;
    friend struct detail::debug_layout;

    detail::waiter* waiting_ = nullptr;  // where it waits
    int cancelling_ = 0;
    int holds_ = 0;
    unsigned pending_ = 0;            // undelivered(), and forbidden: what a wait looks at first is one word
    const bool green_;                // a detail::green_agent
    bool wait_held_ = false;          // a request from outside does not end the wait
    std::int16_t repeat_above_ = -1;  // a delivered one is to come again, while more than so many were delivered
    detail::rare_text cancel_message_;
};

}  // namespace crocus
