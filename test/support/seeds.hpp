// How many seeds a random test takes.
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

/// The seeds of a random test: from 1 on, so many as usual, unless the environment has CROCUS_FIRST_SEED and
/// CROCUS_SEEDS.
struct seed_range {
    explicit seed_range(unsigned plain)
        : first(number("CROCUS_FIRST_SEED", 1)), end(first + number("CROCUS_SEEDS", usual_seeds(plain))) {}

    const unsigned first;
    const unsigned end;

private:
    static unsigned number(const char* name, unsigned otherwise) {
        const char* const given = std::getenv(name);
        return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : otherwise;
    }
};

}  // namespace crocus::test
