// What is done when a function object goes.
#pragma once

#include <utility>

namespace crocus::detail {

/// Calls `f` when the function that holds it is destroyed: also if its task was cancelled before it ran.
template <class F>
class at_end {
public:
    explicit at_end(F f) : f_(std::move(f)) {}
    at_end(at_end&& other) noexcept : f_(std::move(other.f_)), armed_(std::exchange(other.armed_, false)) {}
    at_end& operator=(at_end&&) = delete;
    ~at_end() {
        if (armed_) f_();
    }

private:
    F f_;
    bool armed_ = true;
};

}  // namespace crocus::detail
