#include <crocus/sync/semaphore.hpp>

namespace crocus {

void semaphore::acquire() {
    detail::check_can_suspend();
    if (!try_acquire()) waiters_.wait();
}

bool semaphore::try_acquire() noexcept {
    if (permits_ == 0) return false;
    --permits_;
    return true;
}

bool semaphore::try_acquire_for(duration d) {
    detail::check_can_suspend();
    return try_acquire() || waiters_.wait_until(event_loop::current().time_after(d));
}

void semaphore::release() noexcept {
    if (!waiters_.notify_one()) ++permits_;
}

}  // namespace crocus
