// Room for a value that may be a reference, or nothing at all.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

namespace crocus::detail {

/// Room for a T, a reference or nothing: what std::optional cannot hold in one form.
template <class T>
class slot {
public:
    slot() = default;
    slot(const slot&) = default;
    slot(slot&&) = default;
    ~slot() = default;

    // By way of construction: T need not be assignable.
    slot& operator=(const slot& other) { return *this = slot(other); }
    slot& operator=(slot&& other) {
        if (this == &other) return *this;
        if (other.has_value())
            set(std::move(*other.value_));
        else
            reset();
        return *this;
    }

    [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
    [[nodiscard]] T& get() noexcept { return *value_; }
    [[nodiscard]] const T& get() const noexcept { return *value_; }
    template <class Value>
    void set(Value&& value) {
        value_.emplace(std::forward<Value>(value));
    }
    void reset() noexcept { value_.reset(); }

private:
    std::optional<T> value_;
};

template <class T>
class slot<T&> {
public:
    [[nodiscard]] bool has_value() const noexcept { return value_ != nullptr; }
    [[nodiscard]] T& get() const noexcept { return *value_; }
    void set(T& value) noexcept { value_ = std::addressof(value); }
    void set(T&&) = delete;  // it would refer to a temporary
    void reset() noexcept { value_ = nullptr; }

private:
    T* value_ = nullptr;
};

template <>
class slot<void> {
public:
    void reset() noexcept {}
};

}  // namespace crocus::detail
