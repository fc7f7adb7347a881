#include <crocus/sync/semaphore.hpp>

#include <stdexcept>

#include <crocus/error.hpp>

#include "state_text.hpp"

namespace crocus {

namespace {

std::size_t require_count(std::ptrdiff_t count, const char* of_what) {
    if (count < 0) throw std::invalid_argument(std::string(of_what) + ": fewer than no permits");
    return static_cast<std::size_t>(count);
}

}  // namespace

semaphore::semaphore(std::ptrdiff_t permits, std::source_location made)
    : self_{"semaphore", made}, permits_(require_count(permits, "semaphore")) {}

bool semaphore::try_acquire_for(duration d) { return try_acquire_until(event_loop::current().time_after(d)); }

bool semaphore::try_acquire_until(time_point deadline) {
    detail::check_can_suspend();
    return try_acquire() || waiters_.wait_until(deadline);
}

void semaphore::release(std::ptrdiff_t count) {
    std::size_t left = require_count(count, "semaphore::release");
    for (; left != 0 && !waiters_.empty(); --left) release();
    permits_ += left;
}

std::string semaphore::to_string() const {
    return detail::state_text(self_, locked() ? "locked" : "unlocked, value:" + std::to_string(permits_), waiters_);
}

bounded_semaphore::bounded_semaphore(std::ptrdiff_t permits, std::source_location made)
    : semaphore(permits, made), most_(permits_) {
    self_.kind = "bounded_semaphore";
}

void bounded_semaphore::release() {
    if (permits_ >= most_) throw usage_error("bounded_semaphore::release: more permits than were taken");
    semaphore::release();
}

}  // namespace crocus
