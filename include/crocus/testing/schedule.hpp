// Tests that own time and chance: in what order tasks run is drawn from a seed, and the same seed gives the same order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/run.hpp>
#include <crocus/testing/simulated_network.hpp>

namespace crocus::testing {

struct run_options {
    /// Nothing: tasks run first come, first served, as they do in a program. Else the order is drawn: whenever a task
    /// waits, one of those that are ready goes on, whichever (O20). What is promised holds in every order: callbacks of
    /// the loop keep theirs among themselves, and who makes an eager task goes on when that waits.
    std::optional<std::uint64_t> seed = std::nullopt;
    /// What the network does, by the same seed, or by 0 if there is none. network() changes it while the test runs.
    network_conditions network = {};
};

/// For run() alone: in its loop, before the test.
CROCUS_EXPORT void begin_run(const run_options& options);

/// crocus::run(f) on virtual time and a simulated network, without Ctrl-C: a test that sleeps for a day takes microseconds, and goes the same
/// way each time, unless other threads take part. What sets it up, the test itself and what clears up have one loop and
/// one context. (C27)
///
/// Throws: what run() throws
///         deadlock_error   in f, where it waits and nothing can become ready any more: the message says who waits for
///                          what. Another thread counts if the loop waits for it, or if it has a loop_ref: what is to
///                          call call_soon_threadsafe keeps a ref()
template <class F>
decltype(auto) run(F&& f, run_options options = {}) {
    return crocus::run(
        [&]() -> decltype(auto) {
            begin_run(options);
            return std::invoke(std::forward<F>(f));
        },
        {.driver = std::make_unique<simulated_network>(options.network, options.seed.value_or(0)),
         .handle_interrupt = false});
}

/// A number drawn from the seed of this run, for decisions of the test's own: so one seed replays all of it.
///
/// Throws: usage_error   not inside a testing::run that has a seed
[[nodiscard]] CROCUS_EXPORT std::uint64_t random();

/// One that is less than `n`, all alike.
///
/// Requires: n > 0
/// Throws:   as random()
[[nodiscard]] CROCUS_EXPORT std::size_t choose(std::size_t n);

/// Calls `f` in a testing::run of its own for each of `count` seeds, from 1 on, until it throws.
///
///     crocus::testing::for_each_seed(1000, [] { ... });
///     crocus::testing::for_each_seed(1000, [] { ... }, {.most_latency = 50ms, .short_reads = 0.5});
///
/// Where the environment has CROCUS_SEED=7, with that seed alone: this replays what it did. CROCUS_SEEDS=100000 has so
/// many tried, and CROCUS_FIRST_SEED=5001 has them begin there: a nightly run need not repeat those of the night before.
///
/// Throws: failure_with_seed, in which is nested what f threw: its message says how to replay it
///         usage_error   such a variable has no number
CROCUS_EXPORT void for_each_seed(std::size_t count, const std::function<void()>& f,
                                 const network_conditions& network = {});

/// Suspends until every other task waits: for a timer, for another task, or for another thread. No time passes. (O17)
///
/// Throws: cancelled_error;   cannot_suspend   called in a loop callback
CROCUS_EXPORT void wait_all_blocked();

}  // namespace crocus::testing
