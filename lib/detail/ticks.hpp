// A counter that is cheaper to read than a clock, for deciding whether some time has passed. Not a clock: its rate is
// the machine's.
#pragma once

#include <chrono>
#include <cstdint>

namespace crocus::detail {

inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Some tens of microseconds.
inline constexpr std::uint64_t ticks_between_polls = 100'000;

}  // namespace crocus::detail
