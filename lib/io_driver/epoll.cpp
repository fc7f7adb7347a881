#include "epoll.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <crocus/error.hpp>

#include "../detail/other_threads.hpp"

namespace crocus {

namespace {

constexpr std::uint64_t wake_tag = ~std::uint64_t{0};

[[noreturn]] void fail(const char* operation) {
    throw std::system_error(errno, std::generic_category(), operation);
}

int checked_result(int result, const char* operation) {
    if (result < 0) fail(operation);
    return result;
}

std::uint64_t tag_of(io_handle handle) noexcept {
    return (std::uint64_t{handle.generation} << 32) | handle.slot;
}

/// What epoll is to wait: nothing for "now" and "the past", null for ever.
std::optional<timespec> remaining(time_point until) {
    using namespace std::chrono;
    if (until == time_point::max()) return std::nullopt;
    if (until == time_point::min()) return timespec{0, 0};
    const auto left = std::max(nanoseconds(0), duration_cast<nanoseconds>(until - clock::now()));
    const auto whole = duration_cast<seconds>(left);
    return timespec{static_cast<time_t>(whole.count()), static_cast<long>((left - whole).count())};
}

/// epoll_pwait2 measures in nanoseconds, since Linux 5.11; before that, milliseconds, rounded up.
int wait_for_events(int epoll, epoll_event* events, int size, time_point until) {
    const auto timeout = remaining(until);
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

bool is_internet(int family) noexcept { return family == AF_INET || family == AF_INET6; }

bool is_ready(int fd, short events) noexcept {
    pollfd asked{fd, events, 0};
    return ::poll(&asked, 1, 0) > 0;
}

}  // namespace

io_driver::~io_driver() = default;

std::unique_ptr<io_driver> make_io_driver() { return std::make_unique<epoll_driver>(); }

epoll_driver::epoll_driver() : epoll_(checked_result(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = wake_tag;
    if (wake_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
        const int error = errno;
        if (wake_ >= 0) ::close(wake_);
        ::close(epoll_);
        throw std::system_error(error, std::generic_category(), "an event loop's eventfd");
    }
}

epoll_driver::~epoll_driver() {
    for (auto& e : entries_)
        if (e->fd >= 0 && e->watcher == nullptr) ::close(e->fd);
    ::close(wake_);
    ::close(epoll_);
}

// ------------------------------------------------------------------------------------------------------- for the loop

void epoll_driver::wake() noexcept {
    const std::uint64_t one = 1;
    while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

bool epoll_driver::may_be_woken() const noexcept { return registered_ != 0 || detail::other_threads_possible(); }

void epoll_driver::poll(time_point until) {
    std::array<epoll_event, 256> events;
    const int n = wait_for_events(epoll_, events.data(), static_cast<int>(events.size()), until);
    if (n < 0) {
        if (errno == EINTR) return;  // a signal: the loop looks what it left
        fail("epoll_pwait2");
    }
    for (const epoll_event& e : std::span(events).first(static_cast<std::size_t>(n))) dispatch(e.data.u64, e.events);
}

void epoll_driver::dispatch(std::uint64_t tag, std::uint32_t events) noexcept {
    if (tag == wake_tag) {
        std::uint64_t count = 0;
        while (::read(wake_, &count, sizeof count) < 0 && errno == EINTR) {
        }
        return;
    }
    entry& e = *entries_[static_cast<std::uint32_t>(tag)];
    if (e.generation != tag >> 32) return;  // of a descriptor that has been closed since
    const std::uint32_t end = events & (EPOLLHUP | EPOLLERR);
    if (e.watcher != nullptr)
        return e.watcher->ready((events & EPOLLIN) != 0 || end != 0, (events & EPOLLOUT) != 0 || end != 0);
    if ((events & (EPOLLRDHUP | EPOLLPRI)) != 0 || end != 0) e.read_on = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI)) != 0 || end != 0) {
        e.in.ready = true;
        e.in.waiters.notify_all();
    }
    if ((events & EPOLLOUT) != 0 || end != 0) {
        e.out.ready = true;
        e.out.waiters.notify_all();
    }
}

// --------------------------------------------------------------------------------------------------------- descriptors

io_handle epoll_driver::add(int fd, bool is_tcp) {
    try {
        const io_handle handle = enter(fd);
        entries_[handle.slot]->is_tcp = is_tcp;
        return handle;
    } catch (...) {
        ::close(fd);
        throw;
    }
}

/// Makes an entry for a descriptor, in place of one that somebody watched under this number and has closed.
io_handle epoll_driver::enter(int fd) {
    if (const io_handle before = open_entry(fd); before && entries_[before.slot]->watcher != nullptr) leave(before);
    const auto number = static_cast<std::size_t>(fd);
    if (number >= slot_of_.size()) slot_of_.resize(std::max(number + 1, 2 * slot_of_.size()));
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(entries_.size());
        entries_.push_back(std::make_unique<entry>());
        free_slots_.reserve(entries_.size());  // so that leave() need not allocate
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    slot_of_[number] = slot;
    entry& e = *entries_[slot];
    e.fd = fd;
    if (++e.generation == 0) ++e.generation;
    e.registered = e.read_on = e.is_tcp = false;
    e.watcher = nullptr;
    e.in.ready = e.out.ready = true;
    return {slot, e.generation};
}

/// The entry that a descriptor has now, if any.
io_handle epoll_driver::open_entry(int fd) const noexcept {
    const auto number = static_cast<std::size_t>(fd);
    if (fd < 0 || number >= slot_of_.size() || slot_of_[number] >= entries_.size()) return {};
    const entry& e = *entries_[slot_of_[number]];
    return e.fd == fd ? io_handle{slot_of_[number], e.generation} : io_handle{};
}

void epoll_driver::leave(io_handle handle) noexcept {
    entry& e = *entries_[handle.slot];
    if (e.registered || e.watcher != nullptr) --registered_;
    e.fd = -1;
    if (++e.generation == 0) ++e.generation;
    // Who waited finds the generation changed. Only then may the slot be used again: they are out of the queues now.
    e.in.waiters.notify_all();
    e.out.waiters.notify_all();
    free_slots_.push_back(handle.slot);
}

io_handle epoll_driver::adopt(int fd) {
    if (const io_handle watched = open_entry(fd); watched && arm(watched, false, false)) {
        entries_[watched.slot]->watcher->ready(false, false);  // it asks again for what it waits for
        throw usage_error("descriptor " + std::to_string(fd) + " is watched: remove its reader and writer first");
    }
    const int flags = checked_result(::fcntl(fd, F_GETFL), "adopting a descriptor");
    if ((flags & O_NONBLOCK) == 0) checked_result(::fcntl(fd, F_SETFL, flags | O_NONBLOCK), "adopting a descriptor");
    int family = AF_UNSPEC;
    int type = 0;
    socklen_t size = sizeof family;
    const bool is_tcp = ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && is_internet(family) &&
                        ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
    return add(fd, is_tcp);
}

epoll_driver::entry& epoll_driver::checked(io_handle handle, const char* operation) const {
    if (handle.slot < entries_.size() && handle) {
        entry& e = *entries_[handle.slot];
        if (e.generation == handle.generation && e.fd >= 0) return e;
    }
    throw closed_error(std::string(operation) + ": the descriptor is closed");
}

void epoll_driver::close(io_handle handle) noexcept {
    if (native(handle) < 0) return;
    ::close(entries_[handle.slot]->fd);
    leave(handle);
}

int epoll_driver::native(io_handle handle) const noexcept {
    if (!handle || handle.slot >= entries_.size()) return -1;
    const entry& e = *entries_[handle.slot];
    return e.generation == handle.generation ? e.fd : -1;
}

// ------------------------------------------------------------------------------------------------------------- waiting

void epoll_driver::register_once(io_handle handle, entry& e) {
    if (e.registered) return;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
    event.data.u64 = tag_of(handle);
    checked_result(::epoll_ctl(epoll_, EPOLL_CTL_ADD, e.fd, &event), "epoll_ctl");
    e.registered = true;
    ++registered_;
}

void epoll_driver::wait_for(io_handle handle, direction entry::*which, const char* operation) {
    entry& e = checked(handle, operation);
    (e.*which).ready = false;
    register_once(handle, e);
    (e.*which).waiters.wait();
    if (e.generation != handle.generation) throw closed_error(std::string(operation) + ": closed while it waited");
}

/// Calls until the kernel has an answer other than "not now".
template <class Call>
auto epoll_driver::retry(io_handle handle, direction entry::*which, const char* operation, Call call) {
    for (;;) {
        entry& e = checked(handle, operation);
        if ((e.*which).ready) {
            const auto result = call(e);
            if (result >= 0) return result;
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) fail(operation);
        }
        wait_for(handle, which, operation);
    }
}

// The edge may have come and gone, so the state is asked for first.
void epoll_driver::wait_readable(io_handle handle) {
    while (!is_ready(checked(handle, "wait_readable").fd, POLLIN)) wait_for(handle, &entry::in, "wait_readable");
}

void epoll_driver::wait_writable(io_handle handle) {
    while (!is_ready(checked(handle, "wait_writable").fd, POLLOUT)) wait_for(handle, &entry::out, "wait_writable");
}

// ------------------------------------------------------------------------------------------------------------- sockets

io_handle epoll_driver::open_socket(int family, int type, int protocol) {
    const int fd = checked_result(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), "socket");
    return add(fd, is_internet(family) && type == SOCK_STREAM);
}

void epoll_driver::bind(io_handle handle, const sockaddr* address, socklen_t length) {
    checked_result(::bind(checked(handle, "bind").fd, address, length), "bind");
}

void epoll_driver::listen(io_handle handle, int backlog) {
    checked_result(::listen(checked(handle, "listen").fd, backlog), "listen");
}

void epoll_driver::shutdown(io_handle handle, int how) {
    checked_result(::shutdown(checked(handle, "shutdown").fd, how), "shutdown");
}

void epoll_driver::local_address(io_handle handle, sockaddr* address, socklen_t* length) const {
    checked_result(::getsockname(checked(handle, "getsockname").fd, address, length), "getsockname");
}

void epoll_driver::remote_address(io_handle handle, sockaddr* address, socklen_t* length) const {
    checked_result(::getpeername(checked(handle, "getpeername").fd, address, length), "getpeername");
}

void epoll_driver::connect(io_handle handle, const sockaddr* address, socklen_t length) {
    entry& e = checked(handle, "connect");
    if (::connect(e.fd, address, length) == 0) return;
    if (errno != EINPROGRESS && errno != EINTR) fail("connect");
    do wait_for(handle, &entry::out, "connect");
    while (!is_ready(checked(handle, "connect").fd, POLLOUT));  // what woke this may be older than the connect
    int error = 0;
    socklen_t size = sizeof error;
    checked_result(::getsockopt(checked(handle, "connect").fd, SOL_SOCKET, SO_ERROR, &error, &size), "connect");
    if (error != 0) throw std::system_error(error, std::generic_category(), "connect");
}

io_handle epoll_driver::accept(io_handle handle) {
    bool is_tcp = false;
    const int fd = retry(handle, &entry::in, "accept", [&](entry& e) {
        is_tcp = e.is_tcp;
        return ::accept4(e.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    return add(fd, is_tcp);
}

std::size_t epoll_driver::recv(io_handle handle, std::span<std::byte> into) {
    return static_cast<std::size_t>(retry(handle, &entry::in, "recv", [&](entry& e) {
        const ssize_t n = ::recv(e.fd, into.data(), into.size(), 0);
        // A short read has emptied a TCP socket: the next one would say EAGAIN. Elsewhere it may have stopped where a
        // descriptor or a message begins.
        if (n > 0 && static_cast<std::size_t>(n) < into.size() && e.is_tcp && !e.read_on) e.in.ready = false;
        return n;
    }));
}

std::size_t epoll_driver::send(io_handle handle, std::span<const iovec> pieces) {
    return static_cast<std::size_t>(retry(handle, &entry::out, "send", [&](entry& e) {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(pieces.data());  // sendmsg reads them only
        message.msg_iovlen = std::min<std::size_t>(pieces.size(), IOV_MAX);
        return ::sendmsg(e.fd, &message, MSG_NOSIGNAL);
    }));
}

// ------------------------------------------------------------------------------------------------------------ watching

// A watched descriptor is registered for one event at a time. Its owner may close it and leave a copy open: then its
// registration cannot be undone, and would otherwise go on and on.

io_handle epoll_driver::watch(int fd, io_watcher& watcher) {
    const std::string name = "descriptor " + std::to_string(fd);
    if (const io_handle before = open_entry(fd); before && entries_[before.slot]->watcher == nullptr)
        throw usage_error(name + " belongs to a stream, or to another owner of this loop: wait on that");
    const bool is_open = fd >= 0 && ::fcntl(fd, F_GETFD) >= 0;
    if (!is_open) throw std::system_error(EBADF, std::generic_category(), name + " cannot be watched");
    const io_handle handle = enter(fd);
    entries_[handle.slot]->watcher = &watcher;
    ++registered_;
    epoll_event event{};
    event.events = EPOLLONESHOT;
    event.data.u64 = tag_of(handle);
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST) return handle;
    const int error = errno;
    leave(handle);
    throw std::system_error(error, std::generic_category(),
                            name + " cannot be watched" + (error == EPERM ? ": it is a file, which never waits" : ""));
}

bool epoll_driver::arm(io_handle handle, bool readable, bool writable) noexcept {
    const int fd = native(handle);
    if (fd < 0 || entries_[handle.slot]->watcher == nullptr) return false;
    epoll_event event{};
    event.events = EPOLLONESHOT;
    if (readable) event.events |= EPOLLIN;
    if (writable) event.events |= EPOLLOUT;
    event.data.u64 = tag_of(handle);
    return ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0;
}

void epoll_driver::release(io_handle handle) noexcept {
    const int fd = native(handle);
    if (fd < 0 || entries_[handle.slot]->watcher == nullptr) return;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);  // in vain if it has been closed
    leave(handle);
}

}  // namespace crocus
