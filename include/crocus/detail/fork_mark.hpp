// What a fork leaves to the parent.
#pragma once

#include <atomic>

#include <crocus/config.hpp>

namespace crocus::detail {

/// Remembers in which process something was made.
class CROCUS_EXPORT fork_mark {
public:
    /// The first one sees to it that forks are noticed.
    fork_mark() noexcept;

    /// This process was forked since then, and what was made is its parent's.
    [[nodiscard]] bool passed() const noexcept { return made_after_ != forks.load(std::memory_order_relaxed); }

private:
    static std::atomic<unsigned> forks;  // of this process and of those that it stems from
    static void in_child() noexcept;

    const unsigned made_after_;
};

}  // namespace crocus::detail
