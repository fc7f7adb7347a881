#include <crocus/sync/mutex.hpp>

#include <crocus/error.hpp>

#include "state_text.hpp"

namespace crocus {

bool mutex::try_lock_for(duration d) { return try_lock_until(event_loop::current().time_after(d)); }

bool mutex::try_lock_until(time_point deadline) {
    detail::check_can_suspend();
    if (try_lock()) return true;
    if (!waiters_.wait_until(deadline)) return false;
    note_holder();
    return true;
}

void mutex::hand_over() {
    if (!locked_) throw usage_error("mutex::unlock: it is not locked");
    self_.holder = nullptr;  // until the next one runs
    waiters_.notify_one();
}

std::string mutex::to_string() const { return detail::state_text(self_, locked_ ? "locked" : "unlocked", waiters_); }

}  // namespace crocus
