#include "poll.hpp"

#include <cerrno>

#include <sys/stat.h>

#include "system_call.hpp"
#include "wait_time.hpp"

namespace crocus {

void poll_driver::poll(time_point until) {
    asked_.assign(1, {wake_descriptor(), POLLIN, 0});
    asked_for_.assign(1, {});
    for (std::uint32_t slot = 0; slot != entries_.size(); ++slot) ask({slot, entries_[slot]->generation}, *entries_[slot]);
    const auto timeout = detail::time_until(until);
    if (::ppoll(asked_.data(), asked_.size(), timeout ? &*timeout : nullptr, nullptr) < 0) {
        if (errno == EINTR) return;  // a signal: the loop looks what it left
        detail::throw_errno("ppoll");
    }
    if (asked_.front().revents != 0) take_wake();
    for (std::size_t i = 1; i != asked_.size(); ++i) dispatch(asked_for_[i], asked_[i].revents);
}

void poll_driver::ask(io_handle handle, const entry& e) {
    if (e.fd < 0 || (e.watcher != nullptr && !is_watched_file(handle, e))) return;
    short events = 0;
    // Also where nobody waits any more: try_recv() looks only at what is known to be ready.
    if (e.watches_input || !e.in.ready) events |= POLLIN | POLLRDHUP;
    if (e.watches_output || !e.out.ready) events |= POLLOUT;
    if (events == 0) return;
    asked_.push_back({e.fd, events, 0});
    asked_for_.push_back(handle);
}

void poll_driver::dispatch(io_handle handle, short events) noexcept {
    entry& e = *entries_[handle.slot];
    if (events == 0 || e.generation != handle.generation) return;
    const bool end = (events & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    const bool readable = end || (events & (POLLIN | POLLRDHUP)) != 0;
    const bool writable = end || (events & POLLOUT) != 0;
    if (e.watcher == nullptr) return became_ready(e, readable, writable);
    e.watches_input = e.watches_output = false;  // told once
    if ((events & POLLNVAL) == 0) became_ready(e, readable, writable);
}

bool poll_driver::identify(int fd, file_identity& file) noexcept {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return false;
    file = {status.st_dev, status.st_ino};
    return true;
}

bool poll_driver::is_watched_file(io_handle handle, const entry& e) const noexcept {
    file_identity now{};
    return identify(e.fd, now) && now == watched_[handle.slot];
}

bool poll_driver::begin_watching(io_handle handle, const entry& e) noexcept {
    struct stat status {};
    if (::fstat(e.fd, &status) != 0) return false;
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
        errno = EPERM;  // as epoll says it
        return false;
    }
    if (watched_.size() < entries_.size()) watched_.resize(entries_.size());
    return identify(e.fd, watched_[handle.slot]);
}

bool poll_driver::watch_for(io_handle handle, const entry& e) noexcept { return is_watched_file(handle, e); }

}  // namespace crocus
