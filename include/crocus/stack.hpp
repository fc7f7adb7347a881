// Stacks for fibers: guarded, pooled, counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <crocus/config.hpp>

namespace crocus {

/// A stack to run a fiber on, taken from a pool and given back to it.
///
/// Below every stack lies a guard of 64 KiB: running over the end is a fault (SIGSEGV), never a write to somebody
/// else's memory. A stack is never handed out without its guard. Memory is used page by page as it is touched.
///
/// A fiber's overflow is reported on stderr, with what ran and where it was made, before SIGSEGV does what it would
/// have done: end the process, or call the handler that was installed before the first stack was taken.
///
/// Thread: any; a stack may be given back on another thread than the one it was taken on.
/// Cost:   a recycled stack costs a few nanoseconds; a new one its guard and the fault of its first page.
class CROCUS_EXPORT stack {
public:
    /// Bytes below every stack where nothing can be read or written.
    static constexpr std::size_t guard_size = std::size_t{64} << 10;

    /// Usable bytes where nobody asks for another size. Sanitizers need more and get it.
    static std::size_t default_size() noexcept;

    /// No stack.
    stack() noexcept = default;

    /// Takes a stack of at least `size` usable bytes.
    ///
    /// Throws: stack_exhausted   no memory, address space or kernel mapping is left; names the limit
    ///         usage_error       the size is 0 or above 1 GiB
    explicit stack(std::size_t size);

    stack(stack&& other) noexcept : top_(std::exchange(other.top_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    stack& operator=(stack&& other) noexcept {
        stack(std::move(other)).swap(*this);
        return *this;
    }
    ~stack();

    void swap(stack& other) noexcept {
        std::swap(top_, other.top_);
        std::swap(size_, other.size_);
    }

    /// True if there is a stack.
    [[nodiscard]] explicit operator bool() const noexcept { return top_ != nullptr; }

    /// One past the highest usable byte, 16-byte aligned. Stacks grow down from here.
    [[nodiscard]] void* top() const noexcept { return top_; }

    /// The lowest usable byte; the guard lies below.
    [[nodiscard]] void* bottom() const noexcept { return static_cast<std::byte*>(top_) - size_; }

    /// Usable bytes.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Gives its pages below `p` back to the system: they are zero when they are touched again.
    void give_back_below(const void* p) const noexcept;

private:
    friend struct detail::debug_layout;

    void* top_ = nullptr;
    std::size_t size_ = 0;
};

/// How much of their stacks was used by the fibers that were made at one place in the program: what to choose a
/// stack_size by.
struct CROCUS_EXPORT stack_use {
    std::string kind;  // "generator", say; "fiber": one that nobody described
    std::string file;  // where they were made; empty: nobody said
    std::uint_least32_t line = 0;
    std::size_t stack_size = 0;  // usable bytes, of the largest
    std::size_t high_water = 0;  // bytes that the one which went deepest touched, in whole pages
    std::size_t count = 0;       // how many have ended

    /// From now on the stacks of all fibers that are made are measured when they end; or no more.
    ///
    /// Thread: any
    /// Cost:   none while it is off; while it is on, a new stack's price for each fiber, and two system calls
    static void record(bool on = true) noexcept;

    /// What was recorded so far. Pages that the system swapped out are not seen.
    ///
    /// Thread: any
    [[nodiscard]] static std::vector<stack_use> recorded();
};

}  // namespace crocus
