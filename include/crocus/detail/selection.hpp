// How one flow waits in several places at once, for the first that has something for it: what select is built on.
#pragma once

#include <string>

#include <crocus/config.hpp>
#include <crocus/detail/agent.hpp>
#include <crocus/detail/timer_heap.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// The places in which an agent waits. The first that is reported is chosen, and it leaves the others at once: no other
/// can give it anything. It leaves all of them as soon as it is cancelled.
class CROCUS_EXPORT selection {
public:
    class place;

    /// Throws: cannot_suspend   the caller is a loop callback
    selection() : who_(agent::current()) {}
    selection(const selection&) = delete;
    selection& operator=(const selection&) = delete;
    ~selection() { leave_all(); }

    void add(place& p) noexcept;

    /// Suspends until a place is chosen, and forgets all of them.
    ///
    /// Throws: cancelled_error   none was
    [[nodiscard]] const place* wait();

    [[nodiscard]] agent& who() const noexcept { return who_; }

private:
    class parked;

    void choose(place& p) noexcept;
    void leave_all() noexcept;

    agent& who_;
    place* first_ = nullptr;
    place* chosen_ = nullptr;
    static const wait_subject subject;
    wait_queue choice_{subject};
};

/// One of them. It lives in its case.
class CROCUS_EXPORT selection::place {
public:
    place() noexcept = default;
    place(const place&) = delete;
    place& operator=(const place&) = delete;

protected:
    ~place() = default;

    /// There is something for who waits here.
    void report() noexcept { of_->choose(*this); }
    [[nodiscard]] const selection& of() const noexcept { return *of_; }

private:
    friend class selection;
    virtual void leave() noexcept = 0;

    selection* of_ = nullptr;
    place* next_ = nullptr;
};

/// In a wait_queue. Who is notified there has what it waited for.
class CROCUS_EXPORT queued_place : public selection::place, public waiter {
public:
    void notified() noexcept override { report(); }
    void refused() noexcept override;
    void abandoned() noexcept override;
    [[nodiscard]] agent* who() const noexcept override { return &of().who(); }

    [[nodiscard]] bool was_refused() const noexcept { return refused_; }

    /// Throws: usage_error   what it waited for was destroyed
    void require_not_abandoned() const;

private:
    void leave() noexcept override;

    bool refused_ = false;
    bool abandoned_ = false;
};

/// At a point in time.
class CROCUS_EXPORT timed_place final : public selection::place, public timer {
public:
    timed_place() noexcept;
    void enter(selection& s, duration limit);

private:
    void leave() noexcept override { loop_->remove_timer(*this); }

    event_loop* loop_ = nullptr;
};

}  // namespace crocus::detail
