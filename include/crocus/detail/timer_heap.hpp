// Timers in the order of their times; equal times in the order in which they were added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>

namespace crocus::detail {

/// A moment at which something happens. It lives in its owner, usually on a waiting stack.
class CROCUS_EXPORT timer {
public:
    using action = void (*)(timer&) noexcept;

    explicit timer(time_point at, action f) noexcept : when(at), fire(f) {}
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    [[nodiscard]] bool armed() const noexcept { return place_ != not_armed; }

    const time_point when;
    const action fire;

private:
    friend class timer_heap;
    static constexpr std::size_t not_armed = static_cast<std::size_t>(-1);

    std::uint64_t number_ = 0;
    std::size_t place_ = not_armed;
};

/// A binary heap that knows where each timer is, so that one can be taken out of the middle.
///
/// Cost: add and remove O(log n).
class CROCUS_EXPORT timer_heap {
public:
    void add(timer& t);
    void remove(timer& t) noexcept;

    /// Takes out the first timer that is due at `now`; null if none is.
    timer* take_due(time_point now) noexcept;

    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    /// Requires: not empty.
    [[nodiscard]] time_point first() const noexcept { return heap_.front()->when; }

private:
    static bool before(const timer& a, const timer& b) noexcept;
    void place(std::size_t at, timer& t) noexcept;
    void sift_up(std::size_t at) noexcept;
    void sift_down(std::size_t at) noexcept;

    std::vector<timer*> heap_;
    std::uint64_t added_ = 0;
};

}  // namespace crocus::detail
