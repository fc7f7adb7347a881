// What the handles on a result that crosses threads share.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/posted_wait.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

namespace crocus::detail {

/// The part that knows no result type.
///
/// States (E1):  pending -> running -> finished
///               pending -> cancelled -> cancelled_and_notified   (once its executor has seen it)
/// A result is stored between claim() and finish(); nobody else can settle the state in between.
///
/// Thread: any.
class CROCUS_EXPORT concurrent_state {
public:
    enum class status : unsigned char { pending, running, cancelled, cancelled_and_notified, finished };

    concurrent_state() = default;
    concurrent_state(const concurrent_state&) = delete;
    concurrent_state& operator=(const concurrent_state&) = delete;
    virtual ~concurrent_state();

    // ---------------------------------------------------------------------------------------- for who wants the result

    [[nodiscard]] status current() const noexcept { return status_.load(std::memory_order_acquire); }
    [[nodiscard]] bool done() const noexcept { return current() >= status::cancelled; }
    [[nodiscard]] bool cancelled() const noexcept {
        return current() == status::cancelled || current() == status::cancelled_and_notified;
    }

    bool cancel() noexcept;

    /// Suspends the calling task, or blocks a thread that has no loop, until it is done. A cancellation of the waiting
    /// task is forwarded.
    void wait();
    /// The same, for `d` at most. False if it is not done by then.
    bool wait_for(duration d);
    /// wait() for a call that must not be left running: a cancellation ends the wait only if it ends the call unrun;
    /// else it calls `on_cancel(argument)` and stays with the task.
    void wait_delivered(void (*on_cancel)(void*), void* argument);
    /// wait() for destructors: cannot be cancelled, and blocks where nothing can suspend.
    void wait_held() noexcept;

    /// Throws what it failed with, cancelled_error, or invalid_state_error while it is not done.
    void require_value() const;
    [[nodiscard]] std::exception_ptr error() const;

    /// Calls it once it is done, on the thread that settles it; now, if it is. What it throws is reported.
    void add_callback(counted<callback> c);

    /// "finished, returned int", for a person to read.
    [[nodiscard]] std::string describe(const char* result_type) const;

    // --------------------------------------------------------------------------------------------- for who produces it

    /// pending -> running: true. Cancelled: false, and the executor is known to have seen it. (E7)
    bool start();
    void fail(std::exception_ptr error);
    /// The same, unless it is settled already.
    void abandon(std::exception_ptr error) noexcept;

    /// Runs the call whose result this is, if it was not cancelled.
    virtual void run() noexcept {}

protected:
    /// Throws invalid_state_error if it is settled, or somebody is about to. (E8)
    void claim();
    void finish(std::exception_ptr error = nullptr) noexcept;

    /// It was cancelled: what it would have called can go.
    virtual void discard_call() noexcept {}

private:
    class enlisted;
    class parked;

    void require_settled() const;
    void wake_all(std::unique_lock<std::mutex> lock) noexcept;
    void wait_in_task(const duration* limit);
    void block() noexcept;

    mutable std::mutex mutex_;  // guards all that follows; status_ is read without it
    std::condition_variable settled_;
    std::atomic<status> status_{status::pending};
    bool settling_ = false;
    std::exception_ptr error_;
    std::vector<counted<callback>> callbacks_;
    std::vector<posted_wake> waiters_;
};

template <class T>
class concurrent_values : public concurrent_state {
public:
    template <class... Value>
    void set(Value&&... value) {
        claim();
        std::exception_ptr error;
        try {
            if constexpr (!std::is_void_v<T>) value_.set(std::forward<Value>(value)...);
        } catch (...) {
            error = std::current_exception();
        }
        finish(std::move(error));
    }

    /// The result: moved out where T cannot be copied, or `mine`, since no other handle will ask for it.
    T read(bool mine) {
        require_value();
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(value_.get());
        } else {
            if constexpr (std::is_copy_constructible_v<T>)
                if (!mine) return value_.get();
            if (taken_.exchange(true))
                throw invalid_state_error(
                    "the result was moved out of the concurrent_future already; "
                    "its type cannot be copied");
            return std::move(value_.get());
        }
    }

    /// In place; it is finished.
    [[nodiscard]] std::add_lvalue_reference_t<T> value() noexcept requires(!std::is_void_v<T>) { return value_.get(); }

protected:
    slot<T> value_;  // written between start() or claim() and finish() by the producer, const once finished

private:
    std::atomic<bool> taken_{false};
};

/// A call with its arguments, and its result.
template <class T, class Call>
class concurrent_call final : public concurrent_values<T> {
public:
    template <class... Parts>
    explicit concurrent_call(std::in_place_t, Parts&&... parts)
        : call_(std::in_place, std::in_place, std::forward<Parts>(parts)...) {}

    void run() noexcept override {
        if (!this->start()) return;
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<T>)
                (*call_)();
            else
                this->value_.set((*call_)());
        } catch (...) {
            error = std::current_exception();
        }
        call_.reset();  // before anybody learns that it is done: nothing that it holds outlives the call (E21)
        this->finish(std::move(error));
    }

protected:
    void discard_call() noexcept override { call_.reset(); }

private:
    std::optional<Call> call_;
};

}  // namespace crocus::detail
