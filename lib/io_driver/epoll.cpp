#include "epoll.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <unistd.h>

#include "system_call.hpp"
#include "wait_time.hpp"

namespace crocus {

namespace {

constexpr std::uint64_t wake_tag = ~std::uint64_t{0};

std::uint64_t tag_of(io_handle handle) noexcept {
    return (std::uint64_t{handle.generation} << 32) | handle.slot;
}

/// epoll_pwait2 measures in nanoseconds, since Linux 5.11; before that, milliseconds, rounded up.
int wait_for_events(int epoll, epoll_event* events, int size, time_point until) {
    const auto timeout = detail::time_until(until);
    static std::atomic<bool> has_pwait2{true};
    if (has_pwait2.load(std::memory_order_relaxed)) {
        const int n = ::epoll_pwait2(epoll, events, size, timeout ? &*timeout : nullptr, nullptr);
        if (n >= 0 || errno != ENOSYS) return n;
        has_pwait2 = false;
    }
    if (!timeout) return ::epoll_wait(epoll, events, size, -1);
    const auto ms = timeout->tv_sec * 1000 + (timeout->tv_nsec + 999'999) / 1'000'000;
    return ::epoll_wait(epoll, events, size, static_cast<int>(std::min<long>(ms, 3'600'000)));
}

}  // namespace

epoll_driver::epoll_driver() : epoll_(detail::checked_result(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = wake_tag;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_descriptor(), &event) == 0) return;
    const int error = errno;
    ::close(epoll_);
    throw std::system_error(error, std::generic_category(), "epoll_ctl, of an event loop's eventfd");
}

epoll_driver::~epoll_driver() { ::close(epoll_); }

void epoll_driver::poll(time_point until) {
    std::array<epoll_event, 512> events;
    const int n = wait_for_events(epoll_, events.data(), static_cast<int>(events.size()), until);
    if (n < 0) {
        if (errno == EINTR) return;  // a signal: the loop looks what it left
        detail::throw_errno("epoll_pwait2");
    }
    for (const epoll_event& e : std::span(events).first(static_cast<std::size_t>(n))) dispatch(e.data.u64, e.events);
}

void epoll_driver::dispatch(std::uint64_t tag, std::uint32_t events) noexcept {
    if (tag == wake_tag) return take_wake();
    entry& e = *entries_[static_cast<std::uint32_t>(tag)];
    if (e.generation != tag >> 32) return;  // of a descriptor that has been closed since
    const bool end = (events & (EPOLLHUP | EPOLLERR)) != 0;
    const bool special = (events & (EPOLLRDHUP | EPOLLPRI)) != 0;
    if (special || end) e.read_on = true;
    became_ready(e, end || special || (events & EPOLLIN) != 0, end || (events & EPOLLOUT) != 0);
}

void epoll_driver::begin_waiting(io_handle handle, const entry& e) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    event.data.u64 = tag_of(handle);
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, e.fd, &event) == 0) return;
    // One that was closed lives on in a copy, and has come back under its old number.
    if (errno != EEXIST) detail::throw_errno("epoll_ctl");
    detail::checked_result(::epoll_ctl(epoll_, EPOLL_CTL_MOD, e.fd, &event), "epoll_ctl");
}

// A watched descriptor is registered for one event at a time. Its owner may close it and leave a copy open: then its
// registration cannot be undone, and would otherwise go on and on.

bool epoll_driver::begin_watching(io_handle handle, const entry& e) noexcept {
    epoll_event event{};
    event.events = EPOLLONESHOT;
    event.data.u64 = tag_of(handle);
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, e.fd, &event) == 0 || errno == EEXIST;
}

bool epoll_driver::watch_for(io_handle handle, const entry& e) noexcept {
    epoll_event event{};
    event.events = EPOLLONESHOT;
    if (e.watches_input) event.events |= EPOLLIN;
    if (e.watches_output) event.events |= EPOLLOUT;
    event.data.u64 = tag_of(handle);
    return ::epoll_ctl(epoll_, EPOLL_CTL_MOD, e.fd, &event) == 0;
}

void epoll_driver::end_watching(io_handle, const entry& e) noexcept {
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, e.fd, nullptr);  // in vain if it has been closed
}

}  // namespace crocus
