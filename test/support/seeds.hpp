// Which seeds a random test takes.
//
//   CROCUS_SEED=42                             that one alone
//   CROCUS_SEEDS=1000000 CROCUS_FIRST_SEED=1   so many of them, from that one on; CROCUS_TEST_TIMEOUT=600 for the
//   watchdog
#pragma once

#include <cstdint>
#include <cstdlib>

namespace crocus::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// A sanitizer makes each of them take up to a hundred times as long.
constexpr unsigned usual_seeds(unsigned plain) noexcept { return sanitized ? plain / 20 : plain; }

inline std::uint64_t number_in_environment(const char* name, std::uint64_t otherwise) {
    const char* const given = std::getenv(name);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

/// Calls f(seed) for so many seeds, or as the environment says.
template <class F>
void for_usual_seeds(unsigned plain, F f) {
    const std::uint64_t only = number_in_environment("CROCUS_SEED", 0);
    const std::uint64_t first = only != 0 ? only : number_in_environment("CROCUS_FIRST_SEED", 1);
    const std::uint64_t count = only != 0 ? 1 : number_in_environment("CROCUS_SEEDS", usual_seeds(plain));
    for (std::uint64_t seed = first; seed != first + count; ++seed) f(static_cast<unsigned>(seed));
}

}  // namespace crocus::test
