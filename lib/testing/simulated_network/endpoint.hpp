// The sockets of a simulated network, and what is between two that are connected.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/uio.h>

#include <crocus/clock.hpp>
#include <crocus/io/address.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::testing::in_memory {

/// Those who wait for one direction of a socket. One at a time is told that it may go on, and tells the next when it
/// has left something: so they have their turns in the order in which they came, however the loop draws.
class side {
public:
    /// `describe()`: on what, for who asks why a program stands still.
    template <class Describe>
    void wait(const char* operation, Describe describe) {
        if (std::exchange(described_, operation) != operation) {
            text_ = operation + (" on " + describe());
            subject_.kind = text_.c_str();
        }
        wait_queue::parked self;
        try {
            waiters_.wait(self);
        } catch (...) {
            if (self.was_notified()) --told_;
            throw;
        }
        --told_;
    }

    /// Somebody waits, or is about to go on.
    [[nodiscard]] bool taken() const noexcept { return told_ != 0 || !waiters_.empty(); }
    [[nodiscard]] bool awaited() const noexcept { return !waiters_.empty(); }

    void tell_next() noexcept {
        if (told_ == 0 && waiters_.notify_one()) ++told_;
    }
    void tell_all() noexcept { told_ += waiters_.notify_all(); }

    /// What it is described as has changed.
    void describe_again() noexcept { described_ = nullptr; }

private:
    crocus::detail::wait_subject subject_{"a simulated socket", {}};
    std::string text_;
    const char* described_ = nullptr;
    wait_queue waiters_{subject_};
    std::size_t told_ = 0;  // who are out of the queue, and have not gone on yet
};

struct endpoint;

/// One direction of a connection.
struct way {
    std::string bytes;          // that have arrived
    std::size_t taken = 0;      // of these
    std::size_t in_flight = 0;  // bytes
    std::size_t arrivals = 0;   // to come
    time_point last{};          // the last of them
    bool end_sent = false;
    bool ended = false;

    [[nodiscard]] std::size_t unread() const noexcept { return bytes.size() - taken; }
    [[nodiscard]] std::size_t room(std::size_t buffer) const noexcept {
        const std::size_t held = unread() + in_flight;
        return held < buffer ? buffer - held : 0;
    }
    void take(char* into, std::size_t n) {
        bytes.copy(into, n, taken);
        taken += n;
        if (taken == bytes.size()) {
            bytes.clear();
            taken = 0;
        } else if (taken > bytes.size() / 2) {  // each byte is moved once at most
            bytes.erase(0, std::exchange(taken, 0));
        }
    }
};

struct connection {
    std::array<way, 2> ways;          // from each end
    std::array<endpoint*, 2> ends{};  // null: closed
    bool broken = false;
    bool silent = false;
};

struct listener {
    std::size_t most = 1;
    std::deque<std::shared_ptr<endpoint>> arrived;  // the accepting end of each
    std::deque<std::weak_ptr<endpoint>> knocking;   // while there is no room for more
};

struct datagram {
    std::string bytes;
    address from;
};

struct mailbox {
    std::deque<datagram> arrived;
    std::size_t bytes = 0;                         // that have arrived, or are in flight between local sockets
    std::vector<std::weak_ptr<endpoint>> senders;  // that wait for room
    std::weak_ptr<endpoint> peer;                  // of a local one
    std::size_t arrivals = 0;                      // to come, of what it has sent
    time_point last{};                             // the last of them
};

struct endpoint : std::enable_shared_from_this<endpoint> {
    enum class phase { fresh, connecting, connected, listening };

    endpoint(std::size_t n, int f, int t);
    ~endpoint();
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;

    [[nodiscard]] bool is_local() const noexcept { return family == AF_UNIX; }
    [[nodiscard]] bool is_stream() const noexcept { return type == SOCK_STREAM; }
    [[nodiscard]] way& incoming() const noexcept { return link->ways[1 - end]; }
    [[nodiscard]] way& outgoing() const noexcept { return link->ways[end]; }
    [[nodiscard]] endpoint* other_end() const noexcept { return link->ends[1 - end]; }

    [[nodiscard]] bool readable() const noexcept;
    [[nodiscard]] bool writable(std::size_t buffer) const noexcept;

    /// "#3 127.0.0.1:80"
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string full_name() const;

    const std::size_t number;
    const int family;
    const int type;
    phase is = phase::fresh;
    bool open = true;
    bool bound = false;          // others find it by its address
    std::uint64_t bound_to = 0;  // a port of this kind
    bool read_shut = false;
    bool write_shut = false;
    int error = 0;
    address local;
    address remote;
    side in;
    side out;

    // What it is made for.
    std::shared_ptr<connection> link;
    std::size_t end = 0;  // of these
    std::unique_ptr<listener> door;
    std::unique_ptr<mailbox> mail;
};

/// What a socket has that is bound to nothing.
[[nodiscard]] address no_address(int family);
[[nodiscard]] bool is_any(const address& a) noexcept;
/// The address of this network that such a socket sends from.
[[nodiscard]] address source_for(const address& to);

/// For messages.
[[nodiscard]] std::string text_of(const address& a);

[[nodiscard]] std::size_t total_of(std::span<const iovec> pieces) noexcept;
[[nodiscard]] std::string beginning_of(std::span<const iovec> pieces, std::size_t n);

}  // namespace crocus::testing::in_memory
