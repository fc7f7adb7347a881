// Calls that run elsewhere, on threads: what runs them, and how a task waits for them (concurrent.futures.Executor).
#pragma once

#include <concepts>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <crocus/concurrent_future.hpp>
#include <crocus/config.hpp>
#include <crocus/context_var.hpp>
#include <crocus/detail/concurrent_state.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/unraisable.hpp>

namespace crocus {

/// The results of executor::map, in the order of the arguments: iterate it once, `for (auto& result : results)`.
///
/// Each step waits for the next result. A call's exception is thrown where its result would be read; stepping on after
/// it gives the next one. Results that were stepped over are gone. Void calls give std::monostate. (E14, E16)
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

/// A call that waits to be run, as executors handle it. It is settled once: run, failed or cancelled; one that is
/// dropped fails with broken_executor.
class CROCUS_EXPORT work_item {
public:
    explicit work_item(std::shared_ptr<detail::concurrent_state> call) noexcept : call_(std::move(call)) {}
    work_item(work_item&&) noexcept = default;
    work_item& operator=(work_item&& other) noexcept;
    ~work_item();

    /// Calls it, unless it was cancelled. What the call holds is destroyed before its result can be seen. (E21)
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
        auto call = std::make_shared<detail::concurrent_call<result, bound>>(std::in_place, std::forward<F>(f),
                                                                             std::forward<Args>(args)...);
        execute(work_item(call));
        return concurrent_future<result>(std::move(call));
    }

    /// Has `f(element)` called for each element, with a copy of `f` each. All are submitted now, not when the results
    /// are iterated. (E14)
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

    /// Takes no more calls. Those that were submitted still run, unless `cancel_futures`: then those that have not
    /// begun are cancelled. May be called again. (E17)
    ///
    /// Suspends: if `wait`, until all have run and the workers are gone; a cancellation is held meanwhile. Called in
    ///           one of its own calls, it does not wait.
    virtual void shutdown(bool wait = true, bool cancel_futures = false) = 0;

protected:
    executor() = default;

    /// Sees to it that `item.run()` is called, once, on whatever thread. May throw instead of taking it.
    virtual void execute(work_item item) = 0;
};

namespace detail {

CROCUS_EXPORT void require_can_wait();

/// Waits for a call whose callable stands on the caller's stack: it returns or throws only when that is over.
template <class T, class OnCancel>
T deliver(const concurrent_future<T>& call, OnCancel on_cancel) {
    call.state()->wait_delivered([](void* hook) { (*static_cast<OnCancel*>(hook))(); }, &on_cancel);
    return call.state()->read(true);
}

}  // namespace detail

/// Has `f()` called by an executor and returns its result. `f` may take a std::stop_token, through which it learns that
/// the task was cancelled.
///
/// Never returns while `f` runs: what f refers to may stand on the caller's stack. If the task is cancelled before f
/// has begun, it never does. Later, the result is waited for and delivered, and the cancellation comes at the task's
/// next wait: so a call that had an effect never looks as if it had none. What f finds in context variables is its
/// thread's, as a rule nothing; to_thread takes the caller's along. (X1)
///
/// Suspends: until f has returned
/// Throws:   what f throws;   cancelled_error: f did not run;   cannot_suspend, and what submit throws
template <class F>
decltype(auto) run_in_executor(executor& where, F&& f) {
    detail::require_can_wait();
    if constexpr (std::is_invocable_v<F&, std::stop_token>) {
        std::stop_source stop;
        const auto call =
            where.submit([&f, token = stop.get_token()]() -> decltype(auto) { return std::invoke(f, token); });
        return detail::deliver(call, [&stop] { stop.request_stop(); });
    } else {
        const auto call = where.submit([&f]() -> decltype(auto) { return std::invoke(f); });
        return detail::deliver(call, [] {});
    }
}

namespace detail {

/// Calls a function in a copy of the context in which this was made.
template <class F>
class in_copied_context {
public:
    template <class From>
    explicit in_copied_context(From&& f) : f_(std::forward<From>(f)) {}

    template <class... Args>
        requires std::invocable<F&, Args...>
    decltype(auto) operator()(Args&&... args) {
        return context_.run([&]() -> decltype(auto) { return std::invoke(f_, std::forward<Args>(args)...); });
    }

private:
    F f_;
    context context_ = context::copy_current();
};

}  // namespace detail

struct to_thread_options {
    bool abandon_on_cancel = false;  // a cancelled task does not wait for the call: it must own all that it uses
};

/// Has `f()` called by the loop's default executor and returns its result: for calls that would block the loop. f sees
/// the caller's context variables; what it sets is gone with it. (X3)
///
/// Suspends, Throws: as run_in_executor
template <class F>
decltype(auto) to_thread(F&& f) {
    detail::in_copied_context<F&> call(f);
    return run_in_executor(event_loop::current().default_executor(), call);
}

/// The same; with abandon_on_cancel, a cancellation is raised at once, a call that has begun goes on by itself, and
/// what it throws is reported.
template <class F>
decltype(auto) to_thread(F&& f, to_thread_options options) {
    executor& pool = event_loop::current().default_executor();
    if (!options.abandon_on_cancel) return to_thread(f);
    detail::require_can_wait();
    std::stop_source stop;
    detail::in_copied_context<std::decay_t<F>> copied(std::forward<F>(f));
    const auto call = [&] {
        if constexpr (std::is_invocable_v<F&, std::stop_token>)
            return pool.submit(std::move(copied), stop.get_token());
        else
            return pool.submit(std::move(copied));
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
