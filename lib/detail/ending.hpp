// How generators and coroutines end that do not end by themselves.
#pragma once

#include <exception>
#include <mutex>
#include <utility>

namespace crocus::detail {

/// One that goes on instead of leaving gets this many chances when its owner destroys it.
inline constexpr int closing_attempts = 16;

/// Those that could not be ended. Their frames may still be referred to, so they are kept, and kept findable.
template <class State>
class abandoned_list {
public:
    /// `next` is the link of `state`.
    void add(State& state, State*& next) noexcept {
        const std::scoped_lock lock(mutex_);
        next = std::exchange(head_, &state);
    }

private:
    std::mutex mutex_;
    State* head_ = nullptr;
};

/// PEP 479, in the handler of a stop_iteration: the end of an inner iteration must not look like the end of this one.
template <class Error>
std::exception_ptr converted_stop_iteration() {
    try {
        std::throw_with_nested(Error());
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace crocus::detail
