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

    [[nodiscard]] bool armed() const noexcept { return slot_ != not_armed; }

    time_point when;  // stays what it is while it is armed
    const action fire;

private:
    friend class timer_heap;
    static constexpr std::uint32_t not_armed = static_cast<std::uint32_t>(-1);

    std::uint32_t slot_ = not_armed;
};

/// A heap whose entries hold all that is compared: a timer lies on a stack of its own, which is cold, and is not
/// touched until it fires. One that is removed leaves its entry behind, unless that is the last one; what was left so
/// is swept out before it makes up half of the heap.
///
/// Cost: add and take_due O(log n), remove O(1) on average
class CROCUS_EXPORT timer_heap {
public:
    void add(timer& t) {
        if (free_ == none) [[unlikely]]
            make_slots();
        heap_.push_back({t.when, added_, free_});  // before anything changes: it may throw
        ++added_;
        slot& s = slots_[free_];
        t.slot_ = free_;
        free_ = s.next_free;
        s.what = &t;
        const std::size_t last = heap_.size() - 1;
        if (last != 0 && heap_[last].before(heap_[parent_of(last)])) sift_up(last);
    }

    void remove(timer& t) noexcept {
        if (!t.armed()) return;
        const std::uint32_t of = t.slot_;
        t.slot_ = timer::not_armed;
        if (heap_.back().slot == of) [[likely]] {
            heap_.pop_back();
            release(of);
        } else {
            leave_behind(of);
        }
    }

    /// Takes out the first timer that is due at `now`; null if none is.
    timer* take_due(time_point now) noexcept;

    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    /// Requires: not empty.
    [[nodiscard]] time_point first() const noexcept { return heap_.front().when; }

private:
    static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);
    static constexpr std::size_t children = 4;  // of each entry, in a line or two of the cache
    static constexpr std::size_t parent_of(std::size_t at) noexcept { return (at - 1) / children; }

    struct entry {
        time_point when;
        std::uint64_t number;
        std::uint32_t slot;

        [[nodiscard]] bool before(const entry& other) const noexcept {
            return when != other.when ? when < other.when : number < other.number;
        }
    };
    struct slot {
        timer* what;  // null: free, or its timer was removed, and the entry is left
        std::uint32_t next_free;
    };

    void make_slots();
    void release(std::uint32_t of) noexcept {
        slots_[of] = {nullptr, free_};
        free_ = of;
    }
    void leave_behind(std::uint32_t of) noexcept;
    void sweep() noexcept;
    void drop_first_left_behind() noexcept;
    void take_out_first() noexcept;
    void sift_up(std::size_t at) noexcept;
    void sift_down(std::size_t at) noexcept;

    std::vector<entry> heap_;  // the first one's timer was not removed
    std::vector<slot> slots_;
    std::uint32_t free_ = none;
    std::size_t left_behind_ = 0;
    std::uint64_t added_ = 0;
};

}  // namespace crocus::detail
