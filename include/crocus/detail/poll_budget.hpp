// When a loop that always has something ready asks the kernel all the same.
#pragma once

#include <cstdint>

#include <crocus/config.hpp>

namespace crocus::detail {

/// Asking the kernel costs as much as a hundred switches, and looking at the time as much as five. So the time is
/// looked at once in so many steps, as many as seem to fit into a part of the interval; the kernel is asked once in an
/// interval of some tens of microseconds. Those that one look at the kernel has made ready may all have their turn before
/// the next, unless that takes about a millisecond: their steps are system calls themselves, and to ask after every few of
/// them would cost more than it tells.
class CROCUS_EXPORT poll_budget {
public:
    /// Before each step. True if the kernel is to be asked first.
    bool spend() noexcept { return --steps_left_ == 0 && look(); }

    /// True from a spend() that said so until restart().
    [[nodiscard]] bool spent() const noexcept { return spent_; }

    /// spend() and spent() say so now, whatever was left.
    void expire() noexcept;

    /// The kernel was asked, and so many are ready now.
    void restart(std::uint32_t ready) noexcept;

    /// spend() is true for every step: somebody wants to see each.
    void step_singly(bool on) noexcept;

    /// From now on steps are counted, and no clock is looked at.
    void count_steps() noexcept;

private:
    bool look() noexcept;

    std::uint32_t steps_left_ = 1;
    std::uint32_t steps_per_look_ = 1;
    std::uint32_t owed_ = 0;  // steps of those that the kernel has made ready
    std::uint64_t started_ = 0;  // in ticks
    std::uint64_t looked_ = 0;  // where steps are counted: how many looks there were
    bool spent_ = false;
    bool single_ = false;
    bool counts_ = false;
};

}  // namespace crocus::detail
