// Which seeds a random test takes.
//
//   CROCUS_SEED=42                             that one alone
//   CROCUS_SEEDS=1000000 CROCUS_FIRST_SEED=1   so many of them, from that one on; CROCUS_TEST_TIMEOUT=600 for the watchdog
#pragma once

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

/// The seeds of a random test: from 1 on, so many as usual, unless the environment says which.
struct seed_range {
    explicit seed_range(unsigned plain)
        : only(number("CROCUS_SEED", 0)),
          first(only != 0 ? only : number("CROCUS_FIRST_SEED", 1)),
          end(first + (only != 0 ? 1 : number("CROCUS_SEEDS", usual_seeds(plain)))) {}

    const unsigned only;  // 0: more than one
    const unsigned first;
    const unsigned end;

private:
    static unsigned number(const char* name, unsigned otherwise) {
        const char* const given = std::getenv(name);
        return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : otherwise;
    }
};

}  // namespace crocus::test
