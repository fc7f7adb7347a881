#include "readiness.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <crocus/error.hpp>

#include "../detail/no_sigpipe.hpp"
#include "../detail/other_threads.hpp"
#include "system_call.hpp"

namespace crocus {

using detail::checked_result;
using detail::throw_errno;

namespace {

bool is_internet(int family) noexcept { return family == AF_INET || family == AF_INET6; }

bool is_ready(int fd, short events) noexcept {
    pollfd asked{fd, events, 0};
    return ::poll(&asked, 1, 0) > 0;
}

[[noreturn, gnu::cold]] void throw_closed(const char* operation, const char* how) {
    throw closed_error(std::string(operation) + how);
}

bool would_wait(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// A message of these pieces, which sendmsg only reads.
msghdr message_of(std::span<const iovec> pieces, const sockaddr* to = nullptr, socklen_t length = 0) noexcept {
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(to);
    message.msg_namelen = length;
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    return message;
}

}  // namespace

readiness_driver::readiness_driver() : wake_(checked_result(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {}

readiness_driver::~readiness_driver() {
    for (auto& e : entries_)
        if (e->fd >= 0 && e->watcher == nullptr) ::close(e->fd);
    ::close(wake_);
}

// ------------------------------------------------------------------------------------------------------- for the loop

void readiness_driver::wake() noexcept {
    const std::uint64_t one = 1;
    while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void readiness_driver::take_wake() noexcept {
    std::uint64_t count = 0;
    while (::read(wake_, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

bool readiness_driver::may_be_woken() const noexcept { return registered_ != 0 || detail::other_threads_possible(); }

void readiness_driver::became_ready(entry& e, bool readable, bool writable) noexcept {
    if (e.watcher != nullptr) return e.watcher->ready(readable, writable);
    if (readable) {
        e.in.ready = true;
        e.in.waiters.notify_all();
    }
    if (writable) {
        e.out.ready = true;
        e.out.waiters.notify_all();
    }
}

// --------------------------------------------------------------------------------------------------------- descriptors

io_handle readiness_driver::add(int fd, kind what) {
    try {
        const io_handle handle = enter(fd);
        entries_[handle.slot]->what = what;
        return handle;
    } catch (...) {
        ::close(fd);
        throw;
    }
}

/// Makes an entry for a descriptor, in place of one that somebody watched under this number and has closed.
io_handle readiness_driver::enter(int fd) {
    if (const io_handle before = open_entry(fd); before && entries_[before.slot]->watcher != nullptr) leave(before);
    const auto number = static_cast<std::size_t>(fd);
    if (number >= slot_of_.size()) slot_of_.resize(std::max(number + 1, 2 * slot_of_.size()));
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(entries_.size());
        entries_.push_back(std::make_unique<entry>());
        free_slots_.reserve(entries_.capacity());  // so that leave() need not allocate
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    slot_of_[number] = slot;
    entry& e = *entries_[slot];
    e.fd = fd;
    if (++e.generation == 0) ++e.generation;
    e.registered = e.read_on = e.watches_input = e.watches_output = false;
    e.what = kind::no_socket;
    e.watcher = nullptr;
    e.in.ready = e.out.ready = true;
    return {slot, e.generation};
}

/// The entry that a descriptor has now, if any.
io_handle readiness_driver::open_entry(int fd) const noexcept {
    const auto number = static_cast<std::size_t>(fd);
    if (fd < 0 || number >= slot_of_.size() || slot_of_[number] >= entries_.size()) return {};
    const entry& e = *entries_[slot_of_[number]];
    return e.fd == fd ? io_handle{slot_of_[number], e.generation} : io_handle{};
}

void readiness_driver::leave(io_handle handle) noexcept {
    entry& e = *entries_[handle.slot];
    if (e.registered || e.watcher != nullptr) --registered_;
    e.fd = -1;
    if (++e.generation == 0) ++e.generation;
    // Who waited finds the generation changed. Only then may the slot be used again: they are out of the queues now.
    e.in.waiters.notify_all();
    e.out.waiters.notify_all();
    free_slots_.push_back(handle.slot);
}

readiness_driver::kind readiness_driver::kind_of(int family, int type) noexcept {
    if ((type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM) return kind::messages;
    return is_internet(family) ? kind::tcp : kind::other_stream;
}

io_handle readiness_driver::adopt(int fd) {
    if (const io_handle before = open_entry(fd); before && entries_[before.slot]->watcher == nullptr)
        throw usage_error("descriptor " + std::to_string(fd) + " has an owner in this loop already, who would close it");
    if (const io_handle watched = open_entry(fd); watched && arm(watched, false, false)) {
        entries_[watched.slot]->watcher->ready(false, false);  // it asks again for what it waits for
        throw usage_error("descriptor " + std::to_string(fd) + " is watched: remove its reader and writer first");
    }
    const int flags = checked_result(::fcntl(fd, F_GETFL), "adopting a descriptor");
    if ((flags & O_NONBLOCK) == 0) checked_result(::fcntl(fd, F_SETFL, flags | O_NONBLOCK), "adopting a descriptor");
    int family = AF_UNSPEC;
    int type = 0;
    socklen_t size = sizeof family;
    const bool is_socket = ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 &&
                           ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    if (!is_socket) return add(fd, kind::no_socket);
    return add(fd, kind_of(family, type));
}

readiness_driver::entry& readiness_driver::checked(io_handle handle, const char* operation) const {
    if (handle.slot < entries_.size() && handle) [[likely]] {
        entry& e = *entries_[handle.slot];
        if (e.generation == handle.generation && e.fd >= 0) [[likely]]
            return e;
    }
    throw_closed(operation, ": the descriptor is closed");
}

void readiness_driver::close(io_handle handle) noexcept {
    if (native(handle) < 0) return;
    ::close(entries_[handle.slot]->fd);
    leave(handle);
}

int readiness_driver::native(io_handle handle) const noexcept {
    if (!handle || handle.slot >= entries_.size()) return -1;
    const entry& e = *entries_[handle.slot];
    return e.generation == handle.generation ? e.fd : -1;
}

// ------------------------------------------------------------------------------------------------------------- waiting

void readiness_driver::wait_for(io_handle handle, direction entry::*which, const char* operation) {
    entry& e = checked(handle, operation);
    (e.*which).ready = false;
    if (!e.registered) [[unlikely]] {
        begin_waiting(handle, e);
        e.registered = true;
        ++registered_;
    }
    (e.*which).waiters.wait();
    if (e.generation != handle.generation) [[unlikely]]
        throw_closed(operation, ": closed while it waited");
}

/// Calls unless it is known that it would wait. Negative: it would.
template <class Call>
auto readiness_driver::try_once(io_handle handle, direction entry::*which, const char* operation, Call call) {
    entry& e = checked(handle, operation);
    using result = decltype(call(e));
    while ((e.*which).ready) {
        const result got = call(e);
        if (got >= 0) return got;
        if (would_wait(errno)) break;
        if (errno != EINTR) throw_errno(operation);
    }
    return result{-1};
}

/// The same for those who wait nowhere: what the kernel was never told of, it never says to be ready.
template <class Call>
auto readiness_driver::try_now(io_handle handle, direction entry::*which, const char* operation, Call call) {
    if (entry& e = checked(handle, operation); !e.registered) (e.*which).ready = true;
    return try_once(handle, which, operation, call);
}

/// Calls until the kernel has an answer other than "not now".
template <class Call>
auto readiness_driver::retry(io_handle handle, direction entry::*which, const char* operation, Call call) {
    for (;;) {
        if (const auto result = try_once(handle, which, operation, call); result >= 0) return result;
        wait_for(handle, which, operation);
    }
}

/// Where nothing has happened since a call found it not ready, it need not be asked again.
void readiness_driver::wait_ready(io_handle handle, direction entry::*which, short events, const char* operation) {
    for (;;) {
        const entry& e = checked(handle, operation);
        if ((e.*which).ready && is_ready(e.fd, events)) return;
        wait_for(handle, which, operation);
    }
}

void readiness_driver::wait_readable(io_handle handle) { wait_ready(handle, &entry::in, POLLIN, "wait_readable"); }

void readiness_driver::wait_writable(io_handle handle) { wait_ready(handle, &entry::out, POLLOUT, "wait_writable"); }

// ------------------------------------------------------------------------------------------------------------- sockets

io_handle readiness_driver::open_socket(int family, int type, int protocol) {
    const int fd = checked_result(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), "socket");
    return add(fd, kind_of(family, type));
}

std::pair<io_handle, io_handle> readiness_driver::open_pair(int type) {
    std::array<int, 2> ends{};
    checked_result(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    io_handle first;
    try {
        first = add(ends[0], kind_of(AF_UNIX, type));
        return {first, add(ends[1], kind_of(AF_UNIX, type))};
    } catch (...) {
        if (first)
            close(first);
        else
            ::close(ends[1]);
        throw;
    }
}

void readiness_driver::bind(io_handle handle, const sockaddr* address, socklen_t length) {
    checked_result(::bind(checked(handle, "bind").fd, address, length), "bind");
}

void readiness_driver::listen(io_handle handle, int backlog) {
    checked_result(::listen(checked(handle, "listen").fd, backlog), "listen");
}

void readiness_driver::shutdown(io_handle handle, int how) {
    checked_result(::shutdown(checked(handle, "shutdown").fd, how), "shutdown");
}

void readiness_driver::local_address(io_handle handle, sockaddr* address, socklen_t* length) const {
    checked_result(::getsockname(checked(handle, "getsockname").fd, address, length), "getsockname");
}

void readiness_driver::remote_address(io_handle handle, sockaddr* address, socklen_t* length) const {
    checked_result(::getpeername(checked(handle, "getpeername").fd, address, length), "getpeername");
}

void readiness_driver::connect(io_handle handle, const sockaddr* address, socklen_t length) {
    constexpr std::chrono::milliseconds until_a_place_is_free{1};
    // A local listener whose queue is full says EAGAIN, and nobody says when it is full no more.
    for (;;) {
        if (::connect(checked(handle, "connect").fd, address, length) == 0) return;
        if (errno == EINPROGRESS || errno == EINTR) break;
        if (!would_wait(errno) || address->sa_family != AF_UNIX) throw_errno("connect");
        sleep(until_a_place_is_free);
    }
    // What wakes this may be older than the connect.
    while (!is_ready(checked(handle, "connect").fd, POLLOUT)) wait_for(handle, &entry::out, "connect");
    int error = 0;
    socklen_t size = sizeof error;
    checked_result(::getsockopt(checked(handle, "connect").fd, SOL_SOCKET, SO_ERROR, &error, &size), "connect");
    if (error != 0) throw std::system_error(error, std::generic_category(), "connect");
}

io_handle readiness_driver::accept(io_handle handle) {
    kind what{};
    const int fd = retry(handle, &entry::in, "accept", [&](entry& e) {
        what = e.what;
        return ::accept4(e.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    return add(fd, what);
}

// ----------------------------------------------------------------------------------------------------- sending, receiving

namespace {

/// The length, if it is one.
std::optional<std::size_t> unless_it_would_wait(ssize_t result) noexcept {
    return result >= 0 ? std::optional(static_cast<std::size_t>(result)) : std::nullopt;
}

}  // namespace

/// How each of the operations calls the kernel, once.
struct readiness_driver::calls {
    static auto receive(std::span<std::byte> into) {
        return [into](entry& e) {
            const ssize_t n = e.what == kind::no_socket ? ::read(e.fd, into.data(), into.size())
                                                        : ::recv(e.fd, into.data(), into.size(), 0);
            // A short read has emptied a TCP socket: the next one would say EAGAIN. Elsewhere it may have stopped where
            // a descriptor or a message begins.
            if (n > 0 && static_cast<std::size_t>(n) < into.size() && e.what == kind::tcp && !e.read_on)
                e.in.ready = false;
            return n;
        };
    }

    static ssize_t write(int fd, std::span<const iovec> pieces) noexcept {
        const auto count = static_cast<int>(std::min<std::size_t>(pieces.size(), IOV_MAX));
        return detail::without_sigpipe([&] { return ::writev(fd, pieces.data(), count); });
    }

    static auto send(std::span<const iovec> pieces) {
        return [pieces](entry& e) {
            if (e.what == kind::no_socket) return write(e.fd, pieces);
            if (pieces.size() == 1) return ::send(e.fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
            // More pieces than the kernel takes: of a stream it gets the first ones, a message is refused as a whole.
            const bool in_parts = e.what != kind::messages && pieces.size() > IOV_MAX;
            const msghdr message = message_of(in_parts ? pieces.first(IOV_MAX) : pieces);
            return ::sendmsg(e.fd, &message, MSG_NOSIGNAL);
        };
    }

    static auto receive_from(std::span<std::byte> into, sockaddr* from, socklen_t* length) {
        return [=](entry& e) { return ::recvfrom(e.fd, into.data(), into.size(), MSG_TRUNC, from, length); };
    }

    static auto send_to(std::span<const iovec> pieces, const sockaddr* to, socklen_t length) {
        return [=](entry& e) {
            const msghdr message = message_of(pieces, to, length);
            return ::sendmsg(e.fd, &message, MSG_NOSIGNAL);
        };
    }
};

std::size_t readiness_driver::recv(io_handle handle, std::span<std::byte> into) {
    return static_cast<std::size_t>(retry(handle, &entry::in, "recv", calls::receive(into)));
}

std::optional<std::size_t> readiness_driver::try_recv(io_handle handle, std::span<std::byte> into) {
    return unless_it_would_wait(try_now(handle, &entry::in, "recv", calls::receive(into)));
}

std::size_t readiness_driver::send(io_handle handle, std::span<const iovec> pieces) {
    return static_cast<std::size_t>(retry(handle, &entry::out, "send", calls::send(pieces)));
}

std::optional<std::size_t> readiness_driver::try_send(io_handle handle, std::span<const iovec> pieces) {
    return unless_it_would_wait(try_now(handle, &entry::out, "send", calls::send(pieces)));
}

std::size_t readiness_driver::recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                        socklen_t* length) {
    return static_cast<std::size_t>(retry(handle, &entry::in, "recvfrom", calls::receive_from(into, from, length)));
}

std::optional<std::size_t> readiness_driver::try_recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                                           socklen_t* length) {
    return unless_it_would_wait(try_now(handle, &entry::in, "recvfrom", calls::receive_from(into, from, length)));
}

void readiness_driver::send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) {
    retry(handle, &entry::out, "sendto", calls::send_to(pieces, to, length));
}

bool readiness_driver::try_send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to,
                                   socklen_t length) {
    return try_now(handle, &entry::out, "sendto", calls::send_to(pieces, to, length)) >= 0;
}

std::optional<std::size_t> readiness_driver::send_file(io_handle handle, int file, std::uint64_t offset,
                                                       std::size_t count) {
    bool possible = true;
    const ssize_t sent = retry(handle, &entry::out, "sendfile", [&](entry& e) -> ssize_t {
        auto at = static_cast<off_t>(offset);
        const ssize_t n = detail::without_sigpipe([&] { return ::sendfile(e.fd, file, &at, count); }, true);
        possible = n >= 0 || (errno != EINVAL && errno != ESPIPE && errno != ENOSYS);
        return possible ? n : 0;
    });
    return possible ? std::optional(static_cast<std::size_t>(sent)) : std::nullopt;
}

// ------------------------------------------------------------------------------------------------------------ watching

io_handle readiness_driver::watch(int fd, io_watcher& watcher) {
    const std::string name = "descriptor " + std::to_string(fd);
    if (const io_handle before = open_entry(fd); before && entries_[before.slot]->watcher == nullptr)
        throw usage_error(name + " belongs to a stream, or to another owner of this loop: wait on that");
    const bool is_open = fd >= 0 && ::fcntl(fd, F_GETFD) >= 0;
    if (!is_open) throw std::system_error(EBADF, std::generic_category(), name + " cannot be watched");
    const io_handle handle = enter(fd);
    entries_[handle.slot]->watcher = &watcher;
    ++registered_;
    if (begin_watching(handle, *entries_[handle.slot])) return handle;
    const int error = errno;
    leave(handle);
    throw std::system_error(error, std::generic_category(),
                            name + " cannot be watched" + (error == EPERM ? ": it is a file, which never waits" : ""));
}

bool readiness_driver::arm(io_handle handle, bool readable, bool writable) noexcept {
    if (native(handle) < 0 || entries_[handle.slot]->watcher == nullptr) return false;
    entry& e = *entries_[handle.slot];
    e.watches_input = readable;
    e.watches_output = writable;
    return watch_for(handle, e);
}

void readiness_driver::release(io_handle handle) noexcept {
    if (native(handle) < 0 || entries_[handle.slot]->watcher == nullptr) return;
    end_watching(handle, *entries_[handle.slot]);
    leave(handle);
}

}  // namespace crocus
