// How the kernel, or a simulation of it, is asked: what an event loop plugs in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>

namespace crocus {

/// A descriptor as its driver knows it. The generation tells a slot that was closed and used again from the one meant.
struct io_handle {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;  // 0: no descriptor

    [[nodiscard]] explicit operator bool() const noexcept { return generation != 0; }
    friend bool operator==(io_handle, io_handle) = default;
};

/// Who is told what a descriptor is ready for (event_loop::add_reader, add_writer).
class io_watcher {
public:
    /// Called by poll(). A descriptor that is at its end, or has failed, is ready for both.
    virtual void ready(bool readable, bool writable) noexcept = 0;

protected:
    ~io_watcher() = default;
};

/// Input and output for one event loop: epoll, a completion queue, another library's loop, or a simulation.
///
/// Its operations look blocking. Each first tries, then suspends the calling agent until the operation can go on, or is
/// done: readiness and completion drivers both have this shape. All of them
///     throw std::system_error   the kernel said no; the message names the operation
///           closed_error        the handle was closed, before or while the operation waited
///           cancelled_error     the agent was cancelled while it waited; nothing was read, sent or accepted
///
/// A driver over completions that is cancelled waits until the kernel has let go of the buffer. If the operation was
/// done meanwhile it returns what that gave, and leaves the cancellation to the agent's next wait.
///
/// Those that begin with try_ suspend nobody: they do what can be done now.
///
/// Whoever derives from it may leave out may_be_woken, abort, look_up and send_file. One that changes little of another
/// derives from testing::driver_decorator.
///
/// Thread: the loop's own, but for wake().
class CROCUS_EXPORT io_driver {
public:
    virtual ~io_driver();

    /// "epoll", "simulated" ...
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;

    // ------------------------------------------------------------------------------------------------- for the loop

    /// The driver's time: real or virtual.
    [[nodiscard]] virtual time_point now() noexcept = 0;

    /// Collects what has happened and makes the agents that waited for it ready. Blocks until something has, wake() is
    /// called or `until` is reached; time_point::min() means do not block, time_point::max() without a limit.
    ///
    /// Throws: whatever means that the loop cannot go on; its main flow receives it
    virtual void poll(time_point until) = 0;

    /// Whether anything but the calling thread may end a poll() that has no limit: a descriptor that is registered,
    /// another thread. False only where it is certain that nothing will: then a loop whose tasks all wait is in a
    /// deadlock.
    [[nodiscard]] virtual bool may_be_woken() const noexcept { return true; }

    /// Ends the poll() that blocks, or else the next one.
    ///
    /// Thread: any; also a signal handler.
    virtual void wake() noexcept = 0;

    // -------------------------------------------------------------------------------------------------- descriptors

    /// Takes over an open descriptor, and makes it non-blocking.
    virtual io_handle adopt(int fd) = 0;

    /// Closes it and wakes all who wait on it with closed_error. Does nothing if it is closed already.
    virtual void close(io_handle handle) noexcept = 0;

    /// The same; a connection is reset: its peer gets ECONNRESET, and nothing that was not sent yet.
    virtual void abort(io_handle handle) noexcept;

    /// The descriptor's number, for calls that suspend nobody (setsockopt, getsockname); -1 if closed or simulated.
    [[nodiscard]] virtual int native(io_handle handle) const noexcept = 0;

    // ------------------------------------------------------------------------------------------------------ sockets

    virtual io_handle open_socket(int family, int type, int protocol) = 0;

    /// Two sockets that are connected to each other, local to this machine. `type`: SOCK_STREAM or SOCK_DGRAM.
    virtual std::pair<io_handle, io_handle> open_pair(int type) = 0;

    virtual void bind(io_handle handle, const sockaddr* address, socklen_t length) = 0;
    virtual void listen(io_handle handle, int backlog) = 0;
    virtual void shutdown(io_handle handle, int how) = 0;
    virtual void local_address(io_handle handle, sockaddr* address, socklen_t* length) const = 0;
    virtual void remote_address(io_handle handle, sockaddr* address, socklen_t* length) const = 0;

    /// The addresses that the driver itself knows a host by, with port 0: those of a simulated network. Nothing: the
    /// system's resolver is asked.
    [[nodiscard]] virtual std::optional<std::vector<sockaddr_storage>> look_up(std::string_view host) const;

    // --------------------------------------------------------------- operations that suspend until they can be done

    virtual void connect(io_handle handle, const sockaddr* address, socklen_t length) = 0;
    virtual io_handle accept(io_handle handle) = 0;

    /// At least one byte, or 0 at the end of the stream. Of a connected datagram socket: one datagram, of which what does
    /// not fit is lost.
    virtual std::size_t recv(io_handle handle, std::span<std::byte> into) = 0;
    /// Nothing if it would wait.
    virtual std::optional<std::size_t> try_recv(io_handle handle, std::span<std::byte> into) = 0;

    /// At least one byte of the pieces, in order; a datagram as a whole. Returns how many.
    virtual std::size_t send(io_handle handle, std::span<const iovec> pieces) = 0;
    virtual std::optional<std::size_t> try_send(io_handle handle, std::span<const iovec> pieces) = 0;

    /// One datagram, and who sent it. Returns its whole size: more than `into` has means that the rest is lost.
    /// `*length` is the room at `from` before, and the address's size after.
    virtual std::size_t recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from, socklen_t* length) = 0;
    virtual std::optional<std::size_t> try_recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                                     socklen_t* length) = 0;

    /// One datagram, as a whole.
    virtual void send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) = 0;
    /// False if it would wait.
    virtual bool try_send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) = 0;

    /// At least one byte of a file, from `offset` on, without a copy of it in this process; 0 at the file's end. Returns
    /// how many. Nothing if the driver or this kind of file cannot: then the caller reads and sends.
    virtual std::optional<std::size_t> send_file(io_handle handle, int file, std::uint64_t offset, std::size_t count);

    virtual void wait_readable(io_handle handle) = 0;
    virtual void wait_writable(io_handle handle) = 0;

    // ------------------------------------------------------------ descriptors that stay somebody else's to close

    /// Looks after an open descriptor, and changes nothing about it. The handle serves arm() and release() alone.
    ///
    /// Throws: usage_error         it belongs to an open handle of this driver
    ///         std::system_error   it is not open, or of a kind that is never waited for: a file
    virtual io_handle watch(int fd, io_watcher& watcher) = 0;

    /// Asks that `watcher` be told once, in a poll() to come, when the descriptor can be read or written; in place of
    /// what was asked for before. False if it has been closed since, also if its number has been used again.
    virtual bool arm(io_handle handle, bool readable, bool writable) noexcept = 0;

    /// The end of watch(). Does nothing if there is none any more.
    virtual void release(io_handle handle) noexcept = 0;
};

/// The driver that loops use unless told otherwise: what the environment's CROCUS_DRIVER says, or else epoll.
///
/// Throws: std::system_error   no descriptor is left for it
///         usage_error         there is no driver of that name
CROCUS_EXPORT std::unique_ptr<io_driver> make_io_driver();

/// One by its name: "epoll"; "poll", the plain system call, of whose cost each descriptor that is waited for has a share;
/// "simulated", a network in memory on virtual time (testing/simulated_network.hpp), for the tests of a program: its seed
/// is the environment's CROCUS_SEED, or else 0.
CROCUS_EXPORT std::unique_ptr<io_driver> make_io_driver(std::string_view name);

}  // namespace crocus
