// What futures and tasks share: a result to come, and who waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/detail/rare_text.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// A callback in a future's queue of waiters, so that callbacks and awaiting tasks keep one order (I3).
class CROCUS_EXPORT done_callback;

/// The part that knows no result type.
///
/// States: pending -> finished (a value or an exception) or cancelled. Neither is left again.
class CROCUS_EXPORT future_state {
public:
    enum class status : unsigned char { pending, finished, cancelled };

    explicit future_state(std::source_location site, event_loop& loop = event_loop::current())
        : loop_id_(loop.id()), site_(site) {}
    future_state(const future_state&) = delete;
    future_state& operator=(const future_state&) = delete;

    void add_owner() noexcept { ++owners_; }
    void drop_owner() noexcept {
        if (--owners_ == 0) destroy();
    }
    [[nodiscard]] std::size_t owners() const noexcept { return owners_; }

    [[nodiscard]] bool done() const noexcept { return status_ != status::pending; }
    [[nodiscard]] bool cancelled() const noexcept { return status_ == status::cancelled; }
    [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }

    /// Suspends until it is done. A cancellation of the waiter is forwarded to this future.
    void await();

    /// Throws what it failed with, cancelled_error, or invalid_state_error while pending.
    void require_value() {
        if (status_ != status::finished || error_) [[unlikely]]
            throw_failure();
    }
    [[nodiscard]] std::exception_ptr error();
    /// What it failed with, or will, is somebody's: nobody need report it.
    void mark_retrieved() noexcept { retrieved_ = claimed_ = true; }
    /// If it fails from now on, and none of those who await it by then retrieves that, it is reported at once.
    void report_failure_soon() noexcept { report_soon_ = true; }

    /// Throws usage_error on a foreign thread.
    virtual bool cancel(const std::string& message);

    /// Throws invalid_state_error unless the caller may set the outcome, and usage_error on a foreign thread.
    void require_settable();
    void finish() noexcept { end(status::finished); }
    void finish_with(std::exception_ptr error) noexcept;
    void finish_cancelled(const std::string& message) noexcept;

    /// Schedules the callback when it is done, or now if it is. The callback's `schedule` keeps the future alive.
    handle add_callback(counted<callback> c);
    void on_done(waiter& w) noexcept { done_.add(w); }

    /// The agents that await it, alone or among others. (F17)
    [[nodiscard]] std::vector<agent*> awaited_by() const { return done_.agents(); }

    /// Throws usage_error unless it belongs to the calling thread's loop.
    void require_this_loop() const;
    /// The same, and unless it is another task than the one that runs.
    void require_not_own() const {
        require_this_loop();
        require_not_self();
    }

    [[nodiscard]] std::uint64_t loop_id() const noexcept { return loop_id_; }
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] const std::source_location& site() const noexcept { return site_; }

    /// "Task 'name' (made at file:line)", for reports.
    [[nodiscard]] virtual std::string describe() const;

protected:
    virtual ~future_state() {
        if (callbacks_ != nullptr) [[unlikely]]
            drop_callbacks();
    }

    /// A task's outcome is its function's to set.
    virtual void require_not_task() const {}
    /// A task cannot await itself.
    virtual void require_not_self() const {}
    void require_own_loop() const;

private:
    friend struct debug_layout;

    void destroy() noexcept {
        if (!retrieved_) [[unlikely]]
            report_unretrieved();
        delete this;
    }
    void require_awaitable();
    void throw_failure();
    void drop_callbacks() noexcept;
    void report_unretrieved() noexcept;
    void report_soon() noexcept;
    void end(status s) noexcept {
        status_ = s;
        done_.notify_all();
    }

    std::size_t owners_ = 0;
    std::uint64_t loop_id_;
    status status_ = status::pending;
    bool retrieved_ = true;  // false while it holds an exception that nobody has seen
    bool claimed_ = false;   // somebody has asked for its exception before there was one
    bool report_soon_ = false;
    std::exception_ptr error_;
    rare_text cancel_message_;
    wait_queue done_;
    done_callback* callbacks_ = nullptr;  // owned; in done_ too, until scheduled
    std::source_location site_;
};

/// A task that awaits a future: cancelling the task cancels the future, whose end then ends the wait. If the request
/// comes back to it, since tasks await each other in a circle, it ends the wait itself.
class CROCUS_EXPORT awaiting final : public wait_queue::parked {
public:
    explicit awaiting(future_state& target) : target_(target) {}
    bool cancel(const std::string& message) override;

    [[nodiscard]] future_state& target() const noexcept { return target_; }

private:
    future_state& target_;
    bool forwarding_ = false;
};

[[gnu::always_inline]] inline void future_state::await() {
    if (done()) return check_can_suspend();
    require_awaitable();
    if (done()) return;
    awaiting w(*this);
    done_.wait(w);
}

/// What a future that is given `error` holds: a stop_iteration would end the generator that awaited it. (F5)
CROCUS_EXPORT std::exception_ptr awaitable_error(std::exception_ptr error);

template <class T>
class future_values : public future_state {
public:
    using future_state::future_state;

    slot<T> value;
};

template <>
class future_values<void> : public future_state {
public:
    using future_state::future_state;
};

/// Reads the result of a finished future: a copy where T can be copied, since handles share it; else it is moved out,
/// once. The last owner moves.
template <class T>
T read(future_values<T>& state, bool last_owner) {
    state.require_value();
    if constexpr (std::is_void_v<T>) {
        return;
    } else if constexpr (std::is_reference_v<T>) {
        return static_cast<T>(state.value.get());
    } else {
        if (!state.value.has_value())
            throw invalid_state_error("the result was moved out of the future already; its type cannot be copied");
        if constexpr (std::is_copy_constructible_v<T>)
            if (!last_owner) return state.value.get();
        T result = std::move(state.value.get());
        state.value.reset();
        return result;
    }
}

}  // namespace crocus::detail
