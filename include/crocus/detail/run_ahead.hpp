// Values that a body left behind while it ran ahead of who reads them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace crocus::detail {

/// Room for a number of values, which are filled in one after the other and cleared together. A vector, but for bool.
template <class T>
class run_ahead {
public:
    explicit run_ahead(std::size_t room) : room_(room), values_(std::allocator<T>().allocate(room)) {}
    run_ahead(const run_ahead&) = delete;
    run_ahead& operator=(const run_ahead&) = delete;
    ~run_ahead() {
        clear();
        std::allocator<T>().deallocate(values_, room_);
    }

    /// Requires: it is not full.
    template <class Value>
    void add(Value&& value) {
        std::construct_at(values_ + size_, std::forward<Value>(value));
        ++size_;
    }
    void clear() noexcept {
        std::destroy_n(values_, std::exchange(size_, 0));
    }

    [[nodiscard]] bool full() const noexcept { return size_ == room_; }
    [[nodiscard]] std::span<T> values() const noexcept { return {values_, size_}; }

private:
    std::size_t room_;
    std::size_t size_ = 0;
    T* values_;
};

}  // namespace crocus::detail
