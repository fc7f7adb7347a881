#include <crocus/sync/event.hpp>

#include "state_text.hpp"

namespace crocus {

bool event::wait_for(duration d) { return wait_until(event_loop::current().time_after(d)); }

bool event::wait_until(time_point deadline) {
    detail::check_can_suspend();
    return set_ || waiters_.wait_until(deadline);
}

std::string event::to_string() const { return detail::state_text(self_, set_ ? "set" : "unset", waiters_); }

}  // namespace crocus
