// What something came to: a value, or an exception.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/slot.hpp>

namespace crocus {

/// A result where failures are values too: an element of what gather(return_exceptions, ...) gives. T may be void or a
/// reference.
template <class T>
class outcome {
public:
    using value_type = T;

    /// What `f()` comes to, a cancellation included.
    template <class F>
    static outcome of(F&& f) {
        outcome made;
        try {
            if constexpr (std::is_void_v<T>)
                std::forward<F>(f)();
            else
                made.value_.set(std::forward<F>(f)());
        } catch (...) {
            made.error_ = std::current_exception();
        }
        return made;
    }

    /// True if it is a value.
    [[nodiscard]] bool has_value() const noexcept { return error_ == nullptr; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    /// What was thrown, a cancelled_error too; null if it is a value.
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return error_; }

    /// Throws: what was thrown
    std::add_lvalue_reference_t<T> value() & {
        require_value();
        if constexpr (!std::is_void_v<T>) return value_.get();
    }
    std::add_lvalue_reference_t<const T> value() const& {
        require_value();
        if constexpr (!std::is_void_v<T>) return value_.get();
    }
    std::add_rvalue_reference_t<T> value() && {
        require_value();
        if constexpr (!std::is_void_v<T>) return static_cast<T&&>(value_.get());
    }

    /// Throws: as value()
    std::add_lvalue_reference_t<T> operator*() & { return value(); }
    std::add_lvalue_reference_t<const T> operator*() const& { return value(); }
    std::add_rvalue_reference_t<T> operator*() && { return std::move(*this).value(); }

private:
    outcome() = default;

    void require_value() const {
        if (error_) std::rethrow_exception(error_);
    }

    detail::slot<T> value_;
    std::exception_ptr error_;
};

}  // namespace crocus
