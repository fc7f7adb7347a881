#include <crocus/testing/virtual_time.hpp>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace crocus::testing {

namespace {

/// Waits for the real time that a thread takes, for some milliseconds at most: nobody tells when the last one has let
/// its loop_ref go.
void wait_in_real_time(sem_t& woken) noexcept {
    timespec until{};
    ::clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 10'000'000;
    if (until.tv_nsec >= 1'000'000'000) {
        until.tv_nsec -= 1'000'000'000;
        ++until.tv_sec;
    }
    while (::sem_timedwait(&woken, &until) != 0 && errno == EINTR) {
    }
}

}  // namespace

virtual_time_driver::virtual_time_driver() { ::sem_init(&woken_, 0, 0); }
virtual_time_driver::~virtual_time_driver() { ::sem_destroy(&woken_); }

void virtual_time_driver::poll(time_point until) {
    bool woken = false;
    while (::sem_trywait(&woken_) == 0) woken = true;
    if (woken || until <= now_) return;
    // Not every time limit is somebody's timer: the loop has reasons of its own to look at its tasks.
    const event_loop* const loop = event_loop::current_if_any();
    if (loop != nullptr &&
        (loop->awaits_other_threads() || (!loop->has_timers() && loop->others_may_wake() && !may_be_woken())))
        return wait_in_real_time(woken_);
    if (until == time_point::max())
        throw deadlock_error("nothing is ready, and virtual time has come to its end: everybody waits for ever");
    now_ = std::max(now_, until);
}

void virtual_time_driver::wake() noexcept { ::sem_post(&woken_); }

void advance(duration d) {
    event_loop* const loop = event_loop::current_if_any();
    auto* const time = loop != nullptr ? dynamic_cast<virtual_time_driver*>(&loop->driver()) : nullptr;
    if (time == nullptr) throw usage_error("testing::advance: this is no virtual time; call it inside testing::run");
    time->advance(d);
}

}  // namespace crocus::testing
