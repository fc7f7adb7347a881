// How one flow waits for several futures: what gather, wait, as_completed and shield are built on.
#pragma once

#include <cstddef>
#include <memory>
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
    class member;

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
    /// One whose members have room already, which outlives it.
    explicit joint_wait(std::span<member> room) : room_(room) { agent::current(); }
    joint_wait(const joint_wait&) = delete;
    joint_wait& operator=(const joint_wait&) = delete;
    /// Its own tasks that still run are cancelled and awaited; what they fail with is theirs to report.
    ~joint_wait();

    /// Makes room for so many more at once.
    void reserve(std::size_t count);

    template <class F>
    auto start(F&& function) {
        if (room_.empty()) reserve(1);  // first, so that nothing fails once the task is there
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
    class forwarding;

    void add(future_state& state, bool own) noexcept;
    void ended(member& m) noexcept;
    [[nodiscard]] bool over() const noexcept;
    void cancel_all(const std::string& message);
    void end_own(const std::string& message);

    std::span<member> room_;
    std::vector<std::unique_ptr<member[]>> chunks_;  // of its own
    std::size_t chunk_size_ = 0;
    std::size_t count_ = 0;
    member* first_ = nullptr;
    member* last_ = nullptr;
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

/// One of them.
class CROCUS_EXPORT joint_wait::member final : public waiter {
public:
    member() noexcept = default;

    void notified() noexcept override { whole_->ended(*this); }
    [[nodiscard]] agent* who() const noexcept override;

private:
    friend class joint_wait;

    joint_wait* whole_ = nullptr;
    counted<future_state> state_;
    member* next_ = nullptr;
    member* next_ended_ = nullptr;
    std::size_t number_ = 0;
    bool own_ = false;
};

/// For each future, in their order: whether it was not there before.
CROCUS_EXPORT std::vector<bool> first_occurrences(std::span<const future_state* const> states);

/// Suspends until it is done; a cancellation of the caller is not forwarded, and what it fails with after that is
/// reported.
CROCUS_EXPORT void await_shielded(future_state& state);

}  // namespace crocus::detail
