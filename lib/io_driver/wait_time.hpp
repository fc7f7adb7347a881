// How long a driver's poll() is to block.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <time.h>

#include <crocus/clock.hpp>

namespace crocus::detail {

/// Nothing: without a limit.
inline std::optional<timespec> time_until(time_point until) {
    using namespace std::chrono;
    if (until == time_point::max()) return std::nullopt;
    if (until == time_point::min()) return timespec{0, 0};
    const auto left = std::max(nanoseconds(0), duration_cast<nanoseconds>(until - clock::now()));
    const auto whole = duration_cast<seconds>(left);
    return timespec{static_cast<time_t>(whole.count()), static_cast<long>((left - whole).count())};
}

}  // namespace crocus::detail
