// How many seeds a random test takes.
#pragma once

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

}  // namespace crocus::test
