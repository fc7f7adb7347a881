#include <crocus/sync/once_flag.hpp>

#include <crocus/error.hpp>

namespace crocus {

/// False if it has been called meanwhile; else the caller is the one who calls.
bool once_flag::begin() {
    detail::check_can_suspend();
    while (state_ == state::running) {
        const agent& self = agent::current();
        if (self_.holder == &self) throw usage_error("call_once: the function calls itself, and would wait for itself");
        waiters_.wait();
    }
    if (state_ == state::called) return false;
    state_ = state::running;
    self_.holder = event_loop::in_task() ? &agent::current() : nullptr;
    return true;
}

void once_flag::end(state s) noexcept {
    state_ = s;
    self_.holder = nullptr;
    if (s == state::called)
        waiters_.notify_all();
    else
        waiters_.notify_one();
}

}  // namespace crocus
