// Values that a body left behind while it ran ahead of who reads them.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <utility>

namespace crocus::detail {

/// Room for a number of values, which are left one after the other and cleared together. A vector, but for bool, and
/// for what an element costs.
template <class T>
class run_ahead {
public:
    explicit run_ahead(std::size_t room)
        : first_(reinterpret_cast<T*>(new cell[room])), next_(first_), end_(first_ + room) {}
    run_ahead(const run_ahead&) = delete;
    run_ahead& operator=(const run_ahead&) = delete;
    ~run_ahead() {
        clear();
        delete[] reinterpret_cast<cell*>(first_);
    }

    /// Requires: it is not full.
    template <class Value>
    void add(Value&& value) {
        new (static_cast<void*>(next_)) T(std::forward<Value>(value));
        ++next_;
    }
    void clear() noexcept {
        T* const end = std::exchange(next_, first_);
        for (T* at = first_; at != end; ++at) at->~T();
    }

    [[nodiscard]] bool full() const noexcept { return next_ == end_; }
    [[nodiscard]] std::span<T> values() const noexcept { return {first_, next_}; }

private:
    struct alignas(T) cell {
        std::byte bytes[sizeof(T)];
    };

    T* first_;
    T* next_;
    T* end_;
};

}  // namespace crocus::detail
