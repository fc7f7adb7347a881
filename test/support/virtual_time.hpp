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

}  // namespace crocus::test
