// The clock that loops and timers use: monotonic, as time.monotonic() and loop.time() are.
#pragma once

#include <chrono>

#include <crocus/config.hpp>

namespace crocus {

/// The time line of event loops. A loop's own now() may be virtual (a test's), but lies on the same line.
using clock = std::chrono::steady_clock;

using duration = clock::duration;
using time_point = clock::time_point;

}  // namespace crocus
