// The one place where agents are parked: a fair, cancellable queue under every primitive.
#pragma once

#include <cstddef>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/event_loop.hpp>

namespace crocus {

class wait_queue;

namespace detail {

/// What a wait_queue belongs to, for those who ask why a program stands still.
struct wait_subject {
    const char* kind;  // "mutex"
    std::source_location made;
    const agent* holder = nullptr;  // who is to end the wait, where that is one: a task that may have ended since
};

/// An entry of a wait_queue. It lives on the stack of what waits, or is a callback.
class CROCUS_EXPORT waiter {
public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    /// What it waited for has happened. It is out of the queue already.
    virtual void notified() noexcept = 0;

    /// The agent that waits is cancelled. False if the wait goes on regardless, and the request is left to the agent.
    virtual bool cancel(const std::string& message);

    /// What it waited for will not happen any more. It is out of the queue already.
    virtual void refused() noexcept { notified(); }

    /// What it waited in is no more. It is out of the queue already.
    virtual void abandoned() noexcept {}

    /// Who waits; null for a callback.
    [[nodiscard]] virtual agent* who() const noexcept;

    /// Where it waits; null once it has been notified.
    [[nodiscard]] const wait_queue* queue() const noexcept { return queue_; }

protected:
    waiter() noexcept = default;
    virtual ~waiter() {
        if (queue_ != nullptr) leave_queue();
    }

    /// Requires: it is in one.
    void leave_queue() noexcept;

private:
    friend class crocus::wait_queue;
    friend struct debug_layout;

    waiter* previous_ = nullptr;
    waiter* next_ = nullptr;
    wait_queue* queue_ = nullptr;
};

}  // namespace detail

/// Agents that wait for the same thing, in the order in which they came.
///
/// An agent that was notified has got what it waited for: a cancellation that comes between the notification and its
/// next step does not undo that, but is delivered at its next wait. So no wake-up is lost.
///
/// Thread: the loop's own.
class CROCUS_EXPORT wait_queue {
public:
    wait_queue() noexcept = default;
    explicit wait_queue(const detail::wait_subject& of) noexcept : subject_(&of) {}
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;

    /// Those who wait get a usage_error.
    ~wait_queue() {
        if (first_ != nullptr) [[unlikely]]
            abandon();
    }

    /// Suspends: until notified
    /// Throws:   cancelled_error   the agent was cancelled while it waited, or before
    ///           cannot_suspend    called in a loop callback
    ///           wrong_loop        agents of another loop wait
    ///           usage_error       the queue was destroyed meanwhile
    void wait();

    /// The same, until `deadline` at the latest. False if that came first.
    bool wait_until(time_point deadline);

    /// For waits that end in their own way when they are cancelled: parks the current agent as `w`, which the caller
    /// has made for it. Throws the agent's pending cancellation first, like wait().
    class parked;
    void wait(parked& w);
    bool wait_until(parked& w, time_point deadline);

    /// Makes the longest waiting agent ready. False if none waits.
    bool notify_one() noexcept { return !empty() && (notify_first(), true); }

    /// Makes all ready, in their order. Returns how many.
    std::size_t notify_all() noexcept { return empty() ? 0 : notify_every(); }

    /// Makes all ready, in their order: what they wait for will not happen. Who waits as `parked` finds that it was not
    /// notified.
    void refuse_all() noexcept;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    /// How many wait. Cost: so many steps.
    [[nodiscard]] std::size_t size() const noexcept;

    /// Those that wait, in their order, also if this is one of several things that they wait for. (F17)
    [[nodiscard]] std::vector<agent*> agents() const;

    /// What it belongs to; null if that has no name: a future's.
    [[nodiscard]] const detail::wait_subject* subject() const noexcept { return subject_; }

    /// Entries that are no agents: callbacks.
    void add(detail::waiter& w) noexcept;
    void remove(detail::waiter& w) noexcept;

private:
    friend class detail::waiter;

    void enter(parked& w);
    void enter_specially(parked& w);
    void require_same_loop(const parked& newcomer) const;
    void notify_first() noexcept;
    std::size_t notify_every() noexcept;
    detail::waiter& take_first() noexcept;
    void abandon() noexcept;

    detail::waiter* first_ = nullptr;
    detail::waiter* last_ = nullptr;
    const detail::wait_subject* subject_ = nullptr;
};

/// An agent in a wait_queue.
class CROCUS_EXPORT wait_queue::parked : public detail::waiter {
public:
    parked() : agent_(agent::current()) {}
    ~parked() override {
        if (agent_.waiting_ == this) agent_.waiting_ = nullptr;
    }

    void notified() noexcept override;
    void refused() noexcept override;
    /// It was cancelled, or its time was up: it has left the queue, and will find that out when it runs.
    virtual void gave_up() noexcept {}
    void abandoned() noexcept override;

    /// True if the agent has got what it waited for.
    [[nodiscard]] bool was_notified() const noexcept { return outcome_ == outcome::notified; }

    /// Ends the wait with cancelled_error.
    bool cancel(const std::string& message) override;

    [[nodiscard]] agent* who() const noexcept override { return &agent_; }

private:
    friend class wait_queue;
    enum class outcome { waiting, notified, refused, timed_out, cancelled, abandoned };

    void end(outcome o) noexcept;
    [[noreturn]] void throw_outcome();

    agent& agent_;
    outcome outcome_ = outcome::waiting;
    detail::rare_text message_;
};

// Inline from here to the switch: a return address on the way would be mispredicted when the wait ends.

/// Inline for the first one to wait, whom nobody cancels.
[[gnu::always_inline]] inline void wait_queue::enter(parked& w) {
    agent& who = w.agent_;
    if (who.cancel_pending() || first_ != nullptr || who.holds_cancellation()) [[unlikely]]
        return enter_specially(w);
    first_ = last_ = &w;
    w.queue_ = this;
    who.waiting_ = &w;
    who.wait_held_ = false;
}

[[gnu::always_inline]] inline void wait_queue::wait(parked& w) {
    enter(w);
    if (w.agent_.green_) [[likely]]
        static_cast<detail::green_agent&>(w.agent_).park_here();
    else
        w.agent_.park_as(w);
    if (w.outcome_ >= parked::outcome::cancelled) [[unlikely]]
        w.throw_outcome();
}

[[gnu::always_inline]] inline void wait_queue::wait() {
    parked w;
    wait(w);
}

namespace detail {
/// yield_now() where there is no loop yet, no agent, or a cancellation to deliver.
CROCUS_EXPORT void yield_specially();
}  // namespace detail

/// Goes to the end of the ready queue: everything that is ready now runs first (asyncio.sleep(0)).
///
/// Throws: cancelled_error   the task was cancelled before or meanwhile
///         cannot_suspend    called in a loop callback
[[gnu::always_inline]] inline void yield_now() {
    detail::thread_state& t = detail::this_thread();
    event_loop* const loop = t.loop;
    detail::green_agent* const self = event_loop::running_if_any(loop);
    if (self == nullptr || self->cancel_pending()) [[unlikely]]
        return detail::yield_specially();
    loop->make_ready(*self);
    loop->suspend(t);
    if (self->cancel_pending()) [[unlikely]]
        self->throw_if_cancelled();
}

/// Suspends the calling green thread, and nobody else, for `d`; 0 and less is yield_now(). (asyncio.sleep, C21)
///
/// Throws: cancelled_error   the task was cancelled
///         cannot_suspend    called in a loop callback
CROCUS_EXPORT void sleep(duration d);

/// The same, until the loop's time has reached `t`.
CROCUS_EXPORT void sleep_until(time_point t);

/// Calls `f()`; a cancellation that arrives meanwhile is held, and delivered at the next wait outside.
///
/// Throws: what f throws; yield_across_scope where f yields for a generator whose body is outside
template <class F>
decltype(auto) defer_cancellation(F&& f) {
    struct hold {
        agent& who = agent::current();
        hold() { who.hold_cancellation(); }
        ~hold() { who.release_cancellation(); }
        detail::yield_barrier no_yield;  // it would leave the hold open
    } const held;
    return std::forward<F>(f)();
}

}  // namespace crocus
