// Time limits (asyncio.timeout, wait_for).
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/context_manager.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/detail/cancel_scope.hpp>
#include <crocus/detail/timer_heap.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/fiber.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// In place of a duration or a time: as long as it takes (Python's None).
inline constexpr std::nullopt_t no_limit = std::nullopt;

/// A time limit that is in force: what the body of with_timeout and its kind may take as its argument.
///
/// Thread: the loop's in which it was set. Any of its tasks may reschedule it.
class CROCUS_EXPORT timeout_scope {
public:
    /// When it passes; nothing if never.
    [[nodiscard]] std::optional<time_point> when() const noexcept { return when_; }

    /// Moves it, to the past even: it passes at once then. (T46)
    ///
    /// Throws: usage_error   it has passed already
    void reschedule(std::optional<time_point> when);

    /// True if it has passed, whether or not the body has met that yet. (T44, T45)
    [[nodiscard]] bool expired() const noexcept { return scope_.requested(); }

    // ------------------------------------------------------------------------------------- for with_timeout and its
    // kind

    timeout_scope(std::optional<time_point> when, std::source_location site) : when_(when), site_(site) {
        if (when_) arm(loop_.now());
    }
    timeout_scope(std::optional<duration> limit, std::source_location site) : site_(site) {
        if (!limit) return;
        when_ = loop_.time_after(*limit);
        arm(*limit > duration::zero() ? time_point::min() : *when_);
    }
    timeout_scope(const timeout_scope&) = delete;
    timeout_scope& operator=(const timeout_scope&) = delete;
    ~timeout_scope() { loop_.remove_timer(timer_); }

    /// Where a cancelled_error has left the body. True if it was this limit's doing, and nobody else wants the agent to
    /// stop; throws the other's cancellation if it came on top of it. (T42)
    [[nodiscard]] bool ended_body() { return scope_.ended_body(); }

    /// The same; throws timeout_error if so, and else the cancelled_error that is being handled.
    [[noreturn]] void rethrow();

private:
    struct own_timer : detail::timer {
        explicit own_timer(timeout_scope& of) noexcept : timer({}, pass), scope(of) {}
        static void pass(timer& t) noexcept { static_cast<own_timer&>(t).scope.scope_.request(); }
        timeout_scope& scope;
    };

    /// Requires: there is a limit.
    void arm(time_point now) {
        if (*when_ <= now) return scope_.request();
        timer_.when = *when_;
        loop_.add_timer(timer_);
    }

    detail::cancel_scope scope_{agent::current()};
    detail::yield_barrier no_yield_;  // who resumes a generator would run under its limit
    event_loop& loop_ = event_loop::current();
    std::optional<time_point> when_;
    own_timer timer_{*this};
    const std::source_location site_;
};

/// Calls `f()`, or `f(scope)` with a timeout_scope&, and returns what it returns, unless the time is up before: then it
/// is cancelled, and once it has ended by that, timeout_error is thrown. (T40 to T47)
///
/// The cancellation is raised where f waits, now or next. What f makes of it counts: if it returns a value all the
/// same, that is returned; if it throws something else, that is thrown. The limit holds as well in destructors that run
/// while an exception unwinds and inside defer_cancellation, where requests from outside are held.
///
/// Suspends: where f does
/// Throws:   timeout_error        the time was up
///           cancelled_error      somebody cancelled the agent, in time or too late
///           what f throws; yield_across_scope where f yields for a generator whose body is outside
/// After:    nothing of the limit is left: cancelling() is what it was, and a request that f never met is taken back
/// Cost:     no allocation; setting a limit that does not pass is to look at the clock and some nanoseconds
template <class F>
decltype(auto) timeout_at(std::optional<time_point> when, F&& f,
                          std::source_location site = std::source_location::current()) {
    timeout_scope scope(when, site);
    try {
        return detail::call_body(std::forward<F>(f), scope);
    } catch (const cancelled_error&) {
        scope.rethrow();
    }
}

/// The same, for a time from now on; 0 and less is up at once: f runs to its first wait (T41).
template <class F>
decltype(auto) with_timeout(std::optional<duration> limit, F&& f,
                            std::source_location site = std::source_location::current()) {
    timeout_scope scope(limit, site);
    try {
        return detail::call_body(std::forward<F>(f), scope);
    } catch (const cancelled_error&) {
        scope.rethrow();
    }
}

namespace detail {

/// What a body that was ended gives: nothing, in an optional; false for one that returns nothing.
template <class T>
struct unless_ended {
    using type = std::optional<T>;
};
template <>
struct unless_ended<void> {
    using type = bool;
};
template <class T>
struct unless_ended<T&> {
    using type = std::optional<std::reference_wrapper<T>>;
};
template <class T>
struct unless_ended<T&&> : unless_ended<T> {};

template <class F, class Scope>
using moved_on = typename unless_ended<typename body_result<F, Scope&>::type>::type;

template <class F, class Scope>
moved_on<F, Scope> call_until(Scope& scope, F&& f) {
    using result = moved_on<F, Scope>;
    try {
        if constexpr (std::is_void_v<typename body_result<F, Scope&>::type>) {
            call_body(std::forward<F>(f), scope);
            return true;
        } else {
            return result(call_body(std::forward<F>(f), scope));
        }
    } catch (const cancelled_error&) {
        if (!scope.ended_body()) throw;
        return {};
    }
}

}  // namespace detail

/// timeout_at without the exception: returns an optional that is empty if the time was up before f had ended; if f
/// returns nothing, true or false. A timeout_error of f's own passes.
///
/// Suspends, Throws, After, Cost: as timeout_at, but for the timeout_error
template <class F>
detail::moved_on<F, timeout_scope> move_on_at(std::optional<time_point> when, F&& f,
                               std::source_location site = std::source_location::current()) {
    timeout_scope scope(when, site);
    return detail::call_until(scope, std::forward<F>(f));
}

/// with_timeout without the exception.
template <class F>
detail::moved_on<F, timeout_scope> move_on_after(std::optional<duration> limit, F&& f,
                                  std::source_location site = std::source_location::current()) {
    timeout_scope scope(limit, site);
    return detail::call_until(scope, std::forward<F>(f));
}

namespace detail {
[[noreturn]] CROCUS_EXPORT void throw_timed_out(const std::source_location& site);
}

/// await(awaitable), or the call of a function that takes nothing, within `limit` (asyncio.wait_for, T27).
///
/// When the time is up, what is awaited is cancelled, and its end waited for: nothing is left running. If it returns a
/// value all the same, that is returned; if it throws, that is thrown. Where the limit is 0 or less, what is done
/// already gives its result; a function or a coroutine does not begin (T28).
///
/// Suspends: until it has ended
/// Throws:   timeout_error;   what it throws;   cancelled_error   it, or the caller, was cancelled
template <class Awaitable>
decltype(auto) wait_for(Awaitable&& awaitable, std::optional<duration> limit,
                        std::source_location site = std::source_location::current()) {
    constexpr bool is_function = std::invocable<Awaitable>;
    constexpr bool is_call = is_coroutine<std::remove_cvref_t<Awaitable>>;
    if constexpr (is_function || is_call) {
        if (limit && *limit <= duration::zero()) {
            if constexpr (is_call) {
                awaitable.take();
                [[maybe_unused]] const auto never_begun = std::move(awaitable);
            }
            detail::throw_timed_out(site);
        }
    }
    return with_timeout(
        limit,
        [&]() -> decltype(auto) {
            if constexpr (is_function)
                return std::forward<Awaitable>(awaitable)();
            else
                return await(std::forward<Awaitable>(awaitable));
        },
        site);
}

}  // namespace crocus
