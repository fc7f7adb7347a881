// The tests' short names for crocus/testing.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <crocus/testing.hpp>

namespace crocus::test {

using testing::advance;
using testing::virtual_time_driver;

template <class F>
decltype(auto) run_virtual(F&& f, testing::run_options options = {}) {
    return testing::run(std::forward<F>(f), options);
}

/// Every second seed of a random test draws the order of the tasks, too.
inline testing::run_options drawn_if_odd(unsigned seed) {
    return {.seed = seed % 2 == 1 ? std::optional<std::uint64_t>(seed) : std::nullopt};
}

/// Calls `f(true)` where tasks run first come, first served, or for every other seed `f(false)` where the order is
/// drawn.
template <class F>
void run_in_some_order(unsigned seed, F f) {
    const bool in_order = seed % 2 != 0;
    testing::run_options options;
    if (!in_order) options.seed = seed;
    testing::run([&] { f(in_order); }, options);
}

}  // namespace crocus::test
