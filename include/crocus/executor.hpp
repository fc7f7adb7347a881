// Calls that run elsewhere, on threads: what runs them, and the results that cross back (concurrent.futures).
#pragma once

#include <concepts>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <source_location>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/concurrent_state.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/task.hpp>

namespace crocus {

// ------------------------------------------------------------------------------------------------------------- results

/// A handle on the result of a call that runs on another thread or in another process: copies share it. (E1 to E9)
///
/// A task that waits suspends alone, whatever its loop; a thread without a loop blocks. If the waiting task is cancelled,
/// so is the call, as far as it has not begun: one that runs goes on, and its result stays here.
///
/// Thread: any.
template <class T>
class concurrent_future {
public:
    using value_type = T;
    using state_type = detail::concurrent_values<T>;

    explicit concurrent_future(std::shared_ptr<state_type> state) noexcept : state_(std::move(state)) {}

    /// The result: a copy where T can be copied, since handles share it; else it is moved out, and can be had once. (E4)
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

    /// Calls `callback(concurrent_future)` once it is done, on the thread that completes or cancels it; at once if it is.
    /// Callbacks run in their order; what one throws goes to report_unraisable, and the others run all the same. (E6)
    template <std::invocable<concurrent_future> F>
    void add_done_callback(F callback) const {
        // It is bound to the state by a weak pointer: a pending state and its callback must not keep each other alive.
        state_->add_callback(detail::make_callback(
            [callback = std::move(callback), state = std::weak_ptr(state_)]() mutable {
                if (auto alive = state.lock()) std::invoke(callback, concurrent_future(std::move(alive)));
            }));
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

/// The same result as a future of the calling thread's loop, chained both ways: cancelling the one cancels the other. (F15)
template <class T>
future<T> wrap_future(concurrent_future<T> source, std::source_location site = std::source_location::current()) {
    task<T> wrapped = create_task([source]() -> T { return source.get(); }, {.name = "wrap_future"}, site);
    // A task that is cancelled before its first step never gets to the wait that would forward the cancellation.
    wrapped.add_done_callback([source](const future<T>& f) {
        if (f.cancelled()) source.cancel();
    });
    return wrapped;
}

/// The results of executor::map, in the order of the arguments: iterate it once, `for (auto& result : results)`.
///
/// Each step waits for the next result. A call's exception is thrown where its result would be read; stepping on after it
/// gives the next one. Results that were stepped over are gone. Void calls give std::monostate. (E14, E16)
///
/// After: destroyed, or closed, before its end: calls that have not begun are cancelled. The destructor also waits for
///        those that run, since what they refer to may be about to go; calls in other processes refer to nothing here,
///        and are left.
/// Thread: one at a time.
template <class T>
class map_results {
    using shown = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
    class iterator {
    public:
        using value_type = shown;
        using difference_type = std::ptrdiff_t;

        explicit iterator(map_results& of) noexcept : of_(&of) {}

        /// Suspends, Throws: as concurrent_future::get
        decltype(auto) operator*() const { return of_->front(); }
        iterator& operator++() {
            of_->calls_.pop_front();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.of_->size() == 0; }

    private:
        map_results* of_;
    };

    enum class abandoned_calls { are_awaited, are_left };

    explicit map_results(abandoned_calls rule) : rule_(rule) {}
    map_results(map_results&&) noexcept = default;
    map_results& operator=(map_results&&) = delete;
    ~map_results() {
        close();
        if (rule_ == abandoned_calls::are_awaited)
            for (auto& call : calls_) call.state()->wait_held();
    }

    [[nodiscard]] iterator begin() noexcept { return iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// How many results have not been stepped over.
    [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }

    void close() noexcept {
        for (auto& call : calls_) call.cancel();
    }

    void add(concurrent_future<T> call) { calls_.push_back(std::move(call)); }

private:
    std::conditional_t<std::is_reference_v<T>, T, shown&> front() {
        const auto& state = calls_.front().state();
        state->wait();
        state->require_value();
        if constexpr (std::is_void_v<T>)
            return nothing_;
        else
            return state->value();
    }

    std::deque<concurrent_future<T>> calls_;
    abandoned_calls rule_;
    [[no_unique_address]] std::monostate nothing_;
};

// ----------------------------------------------------------------------------------------------------------- executors

/// A call that waits to be run, as executors handle it. It is settled once: run, failed or cancelled; one that is dropped
/// fails with broken_executor.
class CROCUS_EXPORT work_item {
public:
    explicit work_item(std::shared_ptr<detail::concurrent_state> call) noexcept : call_(std::move(call)) {}
    work_item(work_item&&) noexcept = default;
    work_item& operator=(work_item&& other) noexcept;
    ~work_item();

    /// Calls it, unless it was cancelled. Everything that the call holds is destroyed before its result can be seen. (E21)
    void run() noexcept;
    void fail(std::exception_ptr error) noexcept;
    void cancel() noexcept;

    [[nodiscard]] detail::concurrent_state& call() const noexcept { return *call_; }

private:
    std::shared_ptr<detail::concurrent_state> call_;
};

namespace detail {

template <class T>
using crossing_result = std::conditional_t<std::is_rvalue_reference_v<T>, std::remove_reference_t<T>, T>;

template <class F, class... Args>
using submit_result = crossing_result<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

template <class F, class... Args>
class bound_call {
public:
    template <class G, class... Values>
    explicit bound_call(std::in_place_t, G&& f, Values&&... args)
        : f_(std::forward<G>(f)), args_(std::forward<Values>(args)...) {}

    decltype(auto) operator()() { return std::apply(std::move(f_), std::move(args_)); }

private:
    F f_;
    std::tuple<Args...> args_;
};

}  // namespace detail

/// Runs calls somewhere else (concurrent.futures.Executor). To write one: derive, define execute and shutdown, and call
/// shutdown() in the destructor.
///
/// Thread: any.
class CROCUS_EXPORT executor {
public:
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;
    virtual ~executor();

    /// Has `f(args...)` called. Callable and arguments are moved or copied in, as for std::thread; std::ref passes
    /// references. An exception of any type goes to the future. (E13, E28)
    ///
    /// Throws: executor_shut_down   shutdown() was called (E17)
    ///         broken_executor      it cannot run anything (E23)
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
    concurrent_future<detail::submit_result<F, Args...>> submit(F&& f, Args&&... args) {
        using result = detail::submit_result<F, Args...>;
        using bound = detail::bound_call<std::decay_t<F>, std::decay_t<Args>...>;
        auto call = std::make_shared<detail::concurrent_call<result, bound>>(
            std::in_place, std::forward<F>(f), std::forward<Args>(args)...);
        execute(work_item(call));
        return concurrent_future<result>(std::move(call));
    }

    /// Has `f(element)` called for each element, with a copy of `f` each. All are submitted now, not when the results are
    /// iterated. (E14)
    ///
    /// Throws: as submit; what was submitted by then is cancelled or awaited
    template <std::copy_constructible F, std::ranges::input_range Range>
        requires std::invocable<F, std::ranges::range_value_t<Range>>
    map_results<detail::submit_result<F, std::ranges::range_value_t<Range>>> map(F f, Range&& range) {
        using element = std::ranges::range_value_t<Range>;
        using results = map_results<detail::submit_result<F, element>>;
        results calls(results::abandoned_calls::are_awaited);
        for (auto&& e : range) calls.add(submit(f, element(std::forward<decltype(e)>(e))));
        return calls;
    }

    /// Takes no more calls. Those that were submitted still run, unless `cancel_futures`: then those that have not begun
    /// are cancelled. May be called again. (E17)
    ///
    /// Suspends: if `wait`, until all have run and the workers are gone. A cancellation is held meanwhile. Called in one of
    ///           its own calls, it does not wait.
    virtual void shutdown(bool wait = true, bool cancel_futures = false) = 0;

protected:
    executor() = default;

    /// Sees to it that `item.run()` is called, once, on whatever thread. May throw instead of taking it.
    virtual void execute(work_item item) = 0;
};

namespace detail {

CROCUS_EXPORT void require_can_wait();

/// Waits for a call whose callable stands on the caller's stack. Cancelled, it returns or throws only when that is over.
template <class T, class OnCancel>
T deliver(const concurrent_future<T>& call, OnCancel on_cancel) {
    call.state()->wait_delivered([](void* hook) { (*static_cast<OnCancel*>(hook))(); }, &on_cancel);
    return call.state()->read(true);
}

}  // namespace detail

/// Has `f()` called by an executor and returns its result. `f` may take a std::stop_token, through which it learns that
/// the task was cancelled.
///
/// Never returns while `f` runs: what f refers to may stand on the caller's stack. If the task is cancelled before f has
/// begun, it never does. Later, the result is waited for and delivered, and the cancellation comes at the task's next
/// wait: so a call that had an effect never looks as if it had none.
///
/// Suspends: until f has returned
/// Throws:   what f throws;   cancelled_error: f did not run;   cannot_suspend, and what submit throws
template <class F>
decltype(auto) run_in_executor(executor& where, F&& f) {
    detail::require_can_wait();
    if constexpr (std::is_invocable_v<F&, std::stop_token>) {
        std::stop_source stop;
        const auto call = where.submit([&f, token = stop.get_token()]() -> decltype(auto) { return std::invoke(f, token); });
        return detail::deliver(call, [&stop] { stop.request_stop(); });
    } else {
        const auto call = where.submit([&f]() -> decltype(auto) { return std::invoke(f); });
        return detail::deliver(call, [] {});
    }
}

struct to_thread_options {
    bool abandon_on_cancel = false;  // a cancelled task does not wait for the call: it must own all that it uses
};

/// Has `f()` called by the loop's default executor and returns its result: for calls that would block the loop (X3).
///
/// Suspends, Throws: as run_in_executor; with abandon_on_cancel, a cancellation is raised at once, a call that has begun
///                   goes on by itself, and what it throws is reported
template <class F>
decltype(auto) to_thread(F&& f, to_thread_options options = {}) {
    executor& pool = event_loop::current().default_executor();
    if (!options.abandon_on_cancel) return run_in_executor(pool, f);
    detail::require_can_wait();
    std::stop_source stop;
    const auto call = [&] {
        if constexpr (std::is_invocable_v<F&, std::stop_token>)
            return pool.submit(std::forward<F>(f), stop.get_token());
        else
            return pool.submit(std::forward<F>(f));
    }();
    try {
        call.wait();
    } catch (const cancelled_error&) {
        stop.request_stop();
        call.add_done_callback([](const auto& abandoned) {
            if (abandoned.cancelled() || !abandoned.exception()) return;
            report_unraisable("in a call that to_thread has abandoned", abandoned.exception());
        });
        throw;
    }
    return call.state()->read(true);
}

}  // namespace crocus
