// How one flow waits for several futures: what gather, wait, as_completed and shield are built on.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// Futures that somebody waits for, in the order in which they were added and in that in which they end. The tasks that
/// it started are its own: none of them is left running when it is gone. Handles that it watches are left as they are.
class CROCUS_EXPORT joint_wait {
public:
    /// Room for so many futures, of its caller's.
    template <std::size_t count>
    struct room;

    /// What is waited for.
    enum until : unsigned char {
        all_ended,
        one_ended,
        one_threw,   // or all ended, as in those that follow
        one_failed,  // threw, or was cancelled
        own_ended,   // all of its own tasks
    };

    /// Throws: cannot_suspend   the caller is a loop callback
    joint_wait() { agent::current(); }
    /// The same, in room that is there already, and outlives it.
    template <std::size_t count>
    explicit joint_wait(room<count>& r) : first_{r.members(), 0, count, false} {
        agent::current();
    }
    joint_wait(const joint_wait&) = delete;
    joint_wait& operator=(const joint_wait&) = delete;
    /// Its own tasks that still run are cancelled and awaited; what they fail with is theirs to report.
    ~joint_wait();

    /// Makes room for so many more at once.
    void reserve(std::size_t count);

    template <class F>
    auto start(F&& function) {
        agent::current().require_may_suspend();  // else who must wait for the task could not
        require_room();                          // first, so that nothing fails once the task is there
        auto t = create_task(std::forward<F>(function));
        add(*t.state(), true);
        return t;
    }

    /// Throws: usage_error   the future belongs to another loop, or is the task that calls
    void watch(future_state& state);

    /// Suspends until that, which may be now.
    ///
    /// Throws: cancelled_error   the caller was cancelled; those that are waited for were not
    void wait(until what);
    /// The same; false if the deadline came first.
    [[nodiscard]] bool wait_until(until what, time_point deadline);

    /// Suspends until all have ended, or one has failed if `first_failure_counts`: then its own tasks are cancelled and
    /// awaited, what the others fail with counts as retrieved, and the failure is raised.
    ///
    /// A cancellation of the caller cancels all, each time, and is raised when all have ended.
    void gather(bool first_failure_counts);

    /// The number of the next one that has ended, in the order in which they did so. Requires: there is one.
    [[nodiscard]] std::size_t take_ended() noexcept;
    /// How many have not been taken so.
    [[nodiscard]] std::size_t untaken() const noexcept { return untaken_; }

private:
    class member;
    class forwarding;

    struct chunk {
        member* members = nullptr;
        std::size_t used = 0;
        std::size_t size = 0;
        bool own = false;
    };

    [[nodiscard]] chunk& newest() noexcept { return more_.empty() ? first_ : more_.back(); }
    void require_room() {
        if (newest().used == newest().size) reserve(1);
    }
    template <class F>
    void for_each(F f);
    void add(future_state& state, bool own) noexcept;
    void ended(member& m) noexcept;
    [[nodiscard]] bool over() const noexcept;
    void cancel_all(const std::string& message);
    void end_own(const std::string& message);

    chunk first_;
    std::vector<chunk> more_;  // where it was not known how many there would be
    std::size_t count_ = 0;
    member* first_ended_ = nullptr;  // that was not taken
    member* last_ended_ = nullptr;
    member* first_failed_ = nullptr;
    std::size_t running_ = 0;
    std::size_t own_running_ = 0;
    std::size_t untaken_ = 0;
    bool one_threw_ = false;
    bool cancelled_ = false;   // the caller was, while it gathered
    bool forwarding_ = false;  // a cancellation, just now
    until until_ = all_ended;
    std::string message_;  // of that cancellation
    wait_queue progress_;
};

/// One of them: a cache line.
class CROCUS_EXPORT joint_wait::member final : public waiter {
public:
    member(joint_wait& whole, future_state& state, std::size_t number, bool own) noexcept
        : whole_(whole), state_(&state), number_(number), own_(own) {}

    void notified() noexcept override { whole_.ended(*this); }
    [[nodiscard]] agent* who() const noexcept override;

private:
    friend class joint_wait;

    joint_wait& whole_;
    counted<future_state> state_;
    member* next_ended_ = nullptr;
    const std::size_t number_ : 63;
    const bool own_ : 1;
};

template <std::size_t count>
struct joint_wait::room {
    [[nodiscard]] member* members() noexcept { return reinterpret_cast<member*>(bytes); }

    alignas(member) std::byte bytes[(count == 0 ? 1 : count) * sizeof(member)];
};

/// For each future, in their order: whether it was not there before.
CROCUS_EXPORT std::vector<bool> first_occurrences(std::span<const future_state* const> states);

/// Suspends until it is done; a cancellation of the caller is not forwarded, and what it fails with after that is
/// reported.
CROCUS_EXPORT void await_shielded(future_state& state);

}  // namespace crocus::detail
