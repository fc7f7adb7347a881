// Values that a body left behind while it ran ahead of who reads them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace crocus::detail {

/// Room for a number of values, which are left one after the other and cleared together. A vector, but for bool, and
/// for what an element costs.
template <class T>
class run_ahead {
public:
    explicit run_ahead(std::size_t room)
        : first_(std::allocator<T>().allocate(room)), next_(first_), end_(first_ + room) {}
    run_ahead(const run_ahead&) = delete;
    run_ahead& operator=(const run_ahead&) = delete;
    ~run_ahead() {
        clear();
        std::allocator<T>().deallocate(first_, static_cast<std::size_t>(end_ - first_));
    }

    /// Requires: it is not full.
    template <class Value>
    void add(Value&& value) {
        std::construct_at(next_, std::forward<Value>(value));
        ++next_;
    }
    void clear() noexcept { std::destroy(first_, std::exchange(next_, first_)); }

    [[nodiscard]] bool full() const noexcept { return next_ == end_; }
    [[nodiscard]] std::span<T> values() const noexcept { return {first_, next_}; }

private:
    T* first_;
    T* next_;
    T* end_;
};

}  // namespace crocus::detail
