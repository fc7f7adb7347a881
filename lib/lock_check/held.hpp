// What the flows of a thread have locked.
#pragma once

#include <cstddef>

namespace crocus::lock_check {

enum class kind : unsigned char { mutex, static_guard };

/// A task, a thread's own flow, or a loop, for its callbacks: whoever runs on this thread now.
[[nodiscard]] const void* current_owner() noexcept;

/// Notes that the caller holds it; `site` is where the call that locked it returns to. Nothing is allocated.
void note(kind what, const void* lock, const void* site) noexcept;

/// Notes that it does not hold it any more, as often as it was noted.
void forget(kind what, const void* lock) noexcept;

/// Who initializes that static on this thread, if any.
[[nodiscard]] const void* initializer_of(const void* guard) noexcept;

/// Some loop is in debug mode.
[[nodiscard]] bool watching() noexcept;

}  // namespace crocus::lock_check
