// Results that cross threads, from where a call runs to who waits for it (concurrent.futures.Future).
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/concurrent_state.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/task.hpp>

namespace crocus {

/// A handle on the result of a call that runs on another thread or in another process: copies share it. (E1 to E9)
///
/// A task that waits suspends alone, whatever its loop; a thread without a loop blocks. If the waiting task is
/// cancelled, so is the call, as far as it has not begun: one that runs goes on, and its result stays here.
///
/// Thread: any.
template <class T>
class concurrent_future {
public:
    using value_type = T;
    using state_type = detail::concurrent_values<T>;

    explicit concurrent_future(std::shared_ptr<state_type> state) noexcept : state_(std::move(state)) {}

    /// The result: a copy where T can be copied, since handles share it; else it is moved out, once. (E4)
    ///
    /// Suspends: until it is done
    /// Throws:   what the call threw
    ///           cancelled_error       it was cancelled, or the waiting task was
    ///           cannot_suspend        called in a loop callback, and it is not done
    ///           invalid_state_error   the result was moved out before
    T get() const {
        const auto state = state_;  // the handle may go away while this waits
        state->wait();
        return state->read(false);
    }

    /// The same, for `d` at most.
    ///
    /// Throws: timeout_error   it was not done by then; it goes on, and can be asked again
    T get_for(duration d) const {
        const auto state = state_;
        if (!state->wait_for(d)) throw timeout_error("the call was not done in time; it is " + to_string());
        return state->read(false);
    }

    /// Waits until it is done, however it ended.
    ///
    /// Suspends: until it is done
    /// Throws:   cancelled_error   the waiting task was cancelled;   cannot_suspend
    void wait() const { std::shared_ptr(state_)->wait(); }
    /// The same, for `d` at most. False if it was not done by then.
    [[nodiscard]] bool wait_for(duration d) const { return std::shared_ptr(state_)->wait_for(d); }

    /// The result, without waiting.
    ///
    /// Throws: invalid_state_error   it is not done;   and what get() throws
    T result() const { return state_->read(false); }

    /// What the call threw; null if it did not. (E5)
    ///
    /// Throws: invalid_state_error   it is not done;   cancelled_error
    [[nodiscard]] std::exception_ptr exception() const { return state_->error(); }

    /// Cancels it if it has not begun: it never will, what it holds is destroyed, and all who wait get cancelled_error.
    /// False if it runs or ran. (E2)
    bool cancel() const noexcept { return std::shared_ptr(state_)->cancel(); }

    [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }
    [[nodiscard]] bool running() const noexcept { return state_->current() == state_type::status::running; }
    [[nodiscard]] bool done() const noexcept { return state_->done(); }

    /// Calls `callback(concurrent_future)` once it is done, on the thread that completes or cancels it; at once if it
    /// is. Callbacks run in their order; what one throws goes to report_unraisable, and the others run. (E6)
    template <std::invocable<concurrent_future> F>
    void add_done_callback(F callback, std::source_location site = std::source_location::current()) const {
        // State and callback keep each other alive until it is done, which the producer's destructor makes sure of.
        state_->add_callback(detail::make_callback(
            [callback = std::move(callback), self = *this]() mutable { std::invoke(callback, std::move(self)); },
            site));
    }

    /// "concurrent_future (finished, returned int)" and the like. (E9)
    [[nodiscard]] std::string to_string() const {
        return "concurrent_future (" + state_->describe(typeid(T).name()) + ")";
    }

    [[nodiscard]] const std::shared_ptr<state_type>& state() const noexcept { return state_; }

private:
    std::shared_ptr<state_type> state_;
};

/// The producer's side: for executors of one's own, and for results that no executor computes.
///
/// One that is destroyed before it has set a result fails the future with broken_executor: nobody waits forever.
///
/// Thread: any, one at a time.
template <class T>
class concurrent_promise {
public:
    concurrent_promise() : state_(std::make_shared<detail::concurrent_values<T>>()) {}
    concurrent_promise(concurrent_promise&&) noexcept = default;
    concurrent_promise& operator=(concurrent_promise&& other) noexcept {
        concurrent_promise(std::move(other)).state_.swap(state_);
        return *this;
    }
    ~concurrent_promise() {
        if (state_ && !state_->done())
            state_->abandon(std::make_exception_ptr(broken_executor("the promise was destroyed without a result")));
    }

    [[nodiscard]] concurrent_future<T> get_future() const { return concurrent_future<T>(state_); }

    /// To be called before the work begins. False if the future was cancelled: do not begin. From then on it cannot be
    /// cancelled. (E7)
    ///
    /// Throws: invalid_state_error   called a second time
    [[nodiscard]] bool set_running_or_notify_cancel() { return state_->start(); }

    /// Throws: invalid_state_error   the future is done (E8)
    template <class... Value>
        requires(std::is_void_v<T> ? sizeof...(Value) == 0 : sizeof...(Value) == 1)
    void set_result(Value&&... value) {
        state_->set(std::forward<Value>(value)...);
    }
    void set_exception(std::exception_ptr error) { state_->fail(std::move(error)); }

private:
    std::shared_ptr<detail::concurrent_values<T>> state_;
};

/// Suspends, Throws: as concurrent_future::get
template <class T>
T await(const concurrent_future<T>& f) {
    return f.get();
}

/// The same result as a future of the calling thread's loop, chained both ways: cancelling one cancels the other. (F15)
template <class T>
future<T> wrap_future(concurrent_future<T> source, std::source_location site = std::source_location::current()) {
    task<T> wrapped = create_task([source]() -> T { return source.get(); }, {.name = "wrap_future"}, site);
    // A task that is cancelled before its first step never gets to the wait that would forward the cancellation.
    wrapped.add_done_callback([source](const future<T>& f) {
        if (f.cancelled()) source.cancel();
    });
    return wrapped;
}

namespace detail {

/// Gives what a task comes to to the threads that wait for it; loop_closed, if its loop ends before.
template <class T>
class result_elsewhere {
public:
    explicit result_elsewhere(std::shared_ptr<concurrent_values<T>> to) noexcept : to_(std::move(to)) {}
    result_elsewhere(result_elsewhere&&) noexcept = default;
    result_elsewhere& operator=(result_elsewhere&&) = delete;
    ~result_elsewhere() {
        if (to_) to_->abandon(std::make_exception_ptr(loop_closed()));
    }

    /// True if nobody wants it any more.
    [[nodiscard]] bool cancelled() { return to_->cancelled() && !to_->start(); }

    void fail(std::exception_ptr error) noexcept { to_->abandon(std::move(error)); }

    void copy(const future<T>& task) {
        if (task.cancelled()) to_->cancel();
        if (!to_->start()) return;
        if (task.state()->failed())
            to_->fail(task.state()->error());
        else if constexpr (std::is_void_v<T>)
            to_->set();
        else
            to_->set(read<T>(*task.state(), true));
    }

private:
    std::shared_ptr<concurrent_values<T>> to_;
};

}  // namespace detail

/// Has a task made of `f`, a function or a coroutine, by another thread's loop, and returns what it will come to:
/// cancelling that cancels the task, also while it runs, and a task that ends cancelled cancels it. An exception of
/// making the task goes there too; loop_closed, if the loop ends before the task does. (T48)
///
/// Throws: what moving or copying f here throws; for a coroutine coroutine_being_awaited and coroutine_already_awaited
/// Thread: any
template <class F>
    requires is_coroutine<std::remove_reference_t<F>> || std::invocable<std::decay_t<F>&>
auto run_coroutine_threadsafe(F&& f, const loop_ref& loop,
                              std::source_location site = std::source_location::current()) {
    if constexpr (is_coroutine<std::remove_reference_t<F>>) {
        f.take();
        site = f.site();
        return run_coroutine_threadsafe([taken = std::move(f)]() mutable { return taken.await(); }, loop, site);
    } else {
        using handle_type = decltype(create_task(std::forward<F>(f)));
        using value = typename handle_type::value_type;
        const concurrent_future<value> future_elsewhere(std::make_shared<detail::concurrent_values<value>>());
        detail::result_elsewhere<value> result(future_elsewhere.state());  // settles it also if what follows fails
        // Handles of tasks are their loop's: other threads know of a place where there will be one, there.
        const auto place = std::make_shared<std::optional<handle_type>>();
        future_elsewhere.add_done_callback([loop, place = std::weak_ptr(place)](const auto& done) {
            if (!done.cancelled()) return;
            loop.call_soon([place] {
                if (const auto made = place.lock(); made && *made) (*made)->cancel();
            });
        });
        loop.call_soon([f = std::decay_t<F>(std::forward<F>(f)), result = std::move(result), place, site]() mutable {
            if (result.cancelled()) return;
            try {
                place->emplace(create_task(std::move(f), {}, site));
            } catch (...) {
                return result.fail(std::current_exception());
            }
            (*place)->add_done_callback([result = std::move(result), place,
                                         work = detail::foreign_work(event_loop::current())](
                                            const auto& done) mutable { result.copy(done); });
        });
        return future_elsewhere;
    }
}

/// The same. Requires: the loop lives.
template <class F>
    requires is_coroutine<std::remove_reference_t<F>> || std::invocable<std::decay_t<F>&>
auto run_coroutine_threadsafe(F&& f, event_loop& loop, std::source_location site = std::source_location::current()) {
    return run_coroutine_threadsafe(std::forward<F>(f), loop.ref(), site);
}

}  // namespace crocus
