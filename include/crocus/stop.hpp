// Bodies that a std::stop_token ends.
#pragma once

#include <memory>
#include <stop_token>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/context_manager.hpp>
#include <crocus/detail/cancel_scope.hpp>
#include <crocus/fiber.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

namespace detail {

/// Asks its part of a flow to end when `stop` is requested, on whatever thread.
class CROCUS_EXPORT stop_scope {
public:
    explicit stop_scope(const std::stop_token& stop);
    stop_scope(const stop_scope&) = delete;
    stop_scope& operator=(const stop_scope&) = delete;
    ~stop_scope();

    /// As timeout_scope::ended_body.
    [[nodiscard]] bool ended_body() { return scope_.ended_body(); }

private:
    class relay;

    cancel_scope scope_{agent::current()};
    yield_barrier no_yield_;
    std::shared_ptr<relay> relay_;  // null: nobody can ask
};

}  // namespace detail

/// Calls `f()`, and returns what it returns in an optional, or true if that is nothing. If `stop` is requested before
/// it has ended, it is cancelled where it waits, now or next, and once it has ended by that the optional is empty, or
/// the answer false. What f makes of the cancellation counts, as in move_on_after.
///
///     while (crocus::move_on_stop(stop, [&] { work(jobs.get()); })) {}
///
/// Suspends: where f does
/// Throws:   what f throws;   cancelled_error   somebody else cancelled the agent
///           yield_across_scope   f yields for a generator whose body is outside
/// Thread:   the stop may be requested by any
/// Cost:     an allocation, if a stop is possible
template <class F>
detail::moved_on<F, detail::stop_scope> move_on_stop(const std::stop_token& stop, F&& f) {
    detail::stop_scope scope(stop);
    return detail::call_until(scope, std::forward<F>(f));
}

}  // namespace crocus
