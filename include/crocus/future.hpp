// Results to come, within one loop (asyncio.Future).
#pragma once

#include <exception>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/event_loop.hpp>

namespace crocus {

/// A handle on a result that will be set: copies share it. T may be void or a reference.
///
/// Done callbacks and waiting tasks run in the order in which they came, never inside set_result. (I3)
/// An exception that nobody retrieves is reported to the loop's exception handler, with the place where the future was
/// made. (F10)
///
/// Thread: the loop's that it was made on. concurrent_future crosses threads.
template <class T>
class future {
public:
    using value_type = T;
    using state_type = detail::future_values<T>;

    /// A pending one, of the calling thread's loop.
    explicit future(std::source_location site = std::source_location::current()) : state_(new state_type(site)) {}
    /// The same, of any loop (loop.create_future(), L19).
    explicit future(event_loop& loop, std::source_location site = std::source_location::current())
        : state_(new state_type(site, loop)) {}

    explicit future(detail::counted<state_type> state) noexcept : state_(std::move(state)) {}

    /// Awaits the result. A future that is done does not suspend (I4). Copies the result where T can be copied, since
    /// handles share it; moves it from the last handle, and where T cannot be copied: then it can be had once.
    ///
    /// Suspends: until it is done
    /// Throws:   what it was set to; cancelled_error: it was cancelled, or the awaiting task was, which cancels it too
    ///           usage_error           it belongs to another thread's loop, or is the task that awaits it
    ///           invalid_state_error   the result was moved out before
    [[gnu::always_inline]] T get() & {
        const auto state = state_;  // the handle may go away while this waits
        state->await();
        return detail::read<T>(*state, false);
    }
    [[gnu::always_inline]] T get() && {
        const auto state = std::move(state_);
        state->await();
        return detail::read<T>(*state, state->owners() == 1);
    }

    /// The result, without waiting.
    ///
    /// Throws: invalid_state_error   it is not done (F3); and what get() throws
    T result() { return detail::read<T>(*state_, false); }

    /// What it failed with; null if it did not.
    ///
    /// Throws: invalid_state_error   it is not done;   cancelled_error (F4)
    [[nodiscard]] std::exception_ptr exception() { return state_->error(); }

    [[nodiscard]] bool done() const noexcept { return state_->done(); }
    [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }

    /// Cancels it: all who await it get cancelled_error. False if it is done already. (F6)
    ///
    /// Throws: usage_error   from another loop's thread
    bool cancel(const std::string& message = {}) { return state_->cancel(message); }

    /// Throws: invalid_state_error   it is done, or is a task (F5, T16);   usage_error   from another loop's thread
    template <class... Value>
    requires(std::is_void_v<T> ? sizeof...(Value) == 0 : sizeof...(Value) == 1) void set_result(Value&&... value) {
        state_->require_settable();
        if constexpr (!std::is_void_v<T>) state_->value.set(std::forward<Value>(value)...);
        state_->finish();
    }

    /// A stop_iteration cannot be awaited, since it would end a generator that does: it arrives as
    /// generator_raised_stop_iteration with the original nested. (F5)
    ///
    /// Throws: what set_result throws;   std::invalid_argument   the pointer is null
    void set_exception(std::exception_ptr error) {
        state_->require_settable();
        state_->finish_with(detail::awaitable_error(std::move(error)));
    }

    /// Calls `callback(future)` in the loop once it is done, soon if it is already. (F8)
    template <class F>
    handle add_done_callback(F callback, std::source_location site = std::source_location::current());

    /// Its loop (F12).
    ///
    /// Throws: usage_error   that is not the calling thread's, or has ended
    [[nodiscard]] event_loop& get_loop() const {
        state_->require_this_loop();
        return event_loop::current();
    }

    /// "task 'name' (made at file:line), pending, 2 wait for it", for a person to read (F16).
    [[nodiscard]] std::string to_string() const { return state_->to_string(); }

    [[nodiscard]] const detail::counted<state_type>& state() const noexcept { return state_; }

private:
    detail::counted<state_type> state_;
};

template <class T>
template <class F>
handle future<T>::add_done_callback(F callback, std::source_location site) {
    // It owns the state only while it is scheduled: a pending future and its callback must not keep each other alive.
    class bound final : public detail::callback {
    public:
        bound(F f, state_type* s, const std::source_location& where)
            : detail::callback(where), f_(std::move(f)), state_(s) {}
        void schedule() noexcept override { keep_ = detail::counted<state_type>(state_); }
        void call() override { (*f_)(future(std::exchange(keep_, {}))); }
        void release() noexcept override {
            f_.reset();
            keep_ = {};
        }

    private:
        std::optional<F> f_;
        state_type* state_;
        detail::counted<state_type> keep_;
    };
    return state_->add_callback(detail::counted<detail::callback>(new bound(std::move(callback), state_.get(), site)));
}

/// The value of a future or task (Python's await).
///
/// Suspends, Throws: as future::get
template <class T>
T await(future<T>& f) {
    return f.get();
}
template <class T>
T await(future<T>&& f) {
    return std::move(f).get();
}

/// What x.await() gives: any type that has such a member can be awaited (Python's __await__, C4).
template <class Awaitable>
    requires requires(Awaitable&& x) { std::forward<Awaitable>(x).await(); }
decltype(auto) await(Awaitable&& x) {
    return std::forward<Awaitable>(x).await();
}

/// What await takes: futures and tasks, coroutines, concurrent futures, and what has a member await().
template <class T>
concept awaitable = requires(T&& x) { await(std::forward<T>(x)); };

/// True for the types of handles: futures and tasks (asyncio.isfuture, F13).
template <class T>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<future<T>> = true;

}  // namespace crocus
