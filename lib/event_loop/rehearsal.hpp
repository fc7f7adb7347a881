// A loop that is tested: who runs next is drawn, and somebody may wait for everybody else to wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <crocus/detail/runnable.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// Numbers that a seed stands for, the same on every machine (SplitMix64).
class drawn_numbers {
public:
    explicit drawn_numbers(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    /// Less than `n`. Requires: n > 0
    std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }

private:
    std::uint64_t state_;
};

class rehearsal {
public:
    void draw_from(std::uint64_t seed) noexcept { numbers_.emplace(seed); }
    [[nodiscard]] bool draws() const noexcept { return numbers_.has_value(); }
    /// Requires: draws()
    [[nodiscard]] drawn_numbers& numbers() noexcept { return *numbers_; }

    /// An eager task's creator was put to the front: it goes on when the task waits, whatever is drawn.
    void note_first() noexcept { put_first_ += draws(); }

    /// Brings one of the first few to the front: a task, or the first of the callbacks, which keep their order.
    ///
    /// Requires: not empty, draws()
    void draw_first(ready_queue& ready) noexcept;

    /// For those who wait until all others do.
    [[nodiscard]] wait_queue& standstill() noexcept { return standstill_; }
    [[nodiscard]] bool standstill_awaited() const noexcept { return !standstill_.empty(); }
    void stands_still() noexcept { standstill_.notify_all(); }

private:
    static constexpr wait_subject subject_{"all others to wait", {}};

    std::optional<drawn_numbers> numbers_;
    std::size_t put_first_ = 0;
    wait_queue standstill_{subject_};
};

}  // namespace crocus::detail
