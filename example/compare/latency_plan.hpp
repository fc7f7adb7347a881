// How the server treats URL number i: a pure function of the seed and i, so that every model meets the same
// delays and the same errors, and what must come back is known beforehand.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "options.hpp"

namespace compare {

class latency_plan {
public:
    latency_plan(std::uint64_t seed, latency_range range) : seed_(seed), range_(range) {}

    /// Uniform within the range.
    [[nodiscard]] std::chrono::microseconds delay(std::size_t index) const;

    /// 200; for one URL in a hundred 404, for another one 503.
    [[nodiscard]] int status(std::size_t index) const;

    [[nodiscard]] std::chrono::microseconds mean_delay(std::size_t urls) const;

    /// How many times faster than one after the other the URLs can be, so many at a time, if nothing but the delays
    /// took any time: with few URLs, the slowest answers decide.
    [[nodiscard]] double most_speedup(std::size_t urls, std::size_t at_a_time) const;

    /// Some of the URLs, as many as fit in the time one after the other, chosen so that their mean delay is that of
    /// all: evenly spaced in the order of their delays. In increasing order of index; at least one, at most all.
    [[nodiscard]] std::vector<std::size_t> sample(std::size_t urls, std::chrono::microseconds time) const;

private:
    std::uint64_t seed_;
    latency_range range_;
};

}  // namespace compare
