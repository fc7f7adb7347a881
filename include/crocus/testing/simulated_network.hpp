// A network in memory, on virtual time, that is as bad as a test wants it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io_driver.hpp>
#include <crocus/testing/virtual_time.hpp>

namespace crocus::testing {

/// What a network does to those who use it. Chances are from 0 to 1, and are drawn from the run's seed. Unless told
/// otherwise nothing takes time, and nothing fails.
struct network_conditions {
    duration least_latency{0};  // of what is on its way, one way: drawn between these two
    duration most_latency{0};
    std::size_t buffer = std::size_t{64} << 10;  // bytes that one direction of a connection, or a datagram socket,
                                                 // holds until they are read: who sends more waits
    std::size_t sockets = SIZE_MAX;  // that may be open: one more is EMFILE
    double short_reads = 0;          // that recv gives only a part of what is there
    double short_writes = 0;         // that send takes only a part of what there is room for
    double resets = 0;               // of a send: the connection breaks, both ends get ECONNRESET
    double silences = 0;     // of a send: nothing arrives on this connection any more, either way, and nobody is told
    double refusals = 0;     // of a connect: ECONNREFUSED, though somebody listens
    double losses = 0;       // of a datagram: it is lost
    double duplicates = 0;   // of a datagram: it comes twice
    double reorderings = 0;  // of a datagram: it is late, and those behind it may overtake it
};

/// The io_driver "simulated": sockets that are connected to each other within the process, without descriptors and
/// system calls, on virtual time. All addresses are this network's own, and anybody may bind them.
///
/// What is sent arrives after its latency, in order on each connection; the clock jumps to what comes first, an arrival
/// or a timer. Where nothing is on its way, no timer is set and everybody waits there is a deadlock_error.
///
/// It does what Linux does, with its error codes, but: a connection that was reset gives ECONNRESET each time; who
/// waits for a socket gets his turn before who comes later; a full listener keeps who knocks waiting, and a Unix
/// socket's path is free again once it is closed, since there is no file. Datagrams between Unix sockets are neither
/// lost, doubled nor late. The same seed gives the same run.
class CROCUS_EXPORT simulated_network : public virtual_time_driver {
public:
    /// Throws: usage_error   as set_conditions()
    explicit simulated_network(const network_conditions& conditions = {}, std::uint64_t seed = 0);
    ~simulated_network() override;

    // ------------------------------------------------------------------------------------------------ for the test

    [[nodiscard]] const network_conditions& conditions() const noexcept;

    /// From now on; what is on its way already arrives when it would have.
    ///
    /// Throws: usage_error   a chance is not from 0 to 1, the latencies are negative or crosswise, the buffer holds
    /// nothing
    void set_conditions(const network_conditions& conditions);

    /// The host has these addresses from now on, in this order; none: it has no address. "localhost" has 127.0.0.1 and
    /// ::1. Other names than these are unknown: nobody else is asked.
    void add_host(std::string name, const std::vector<std::string>& addresses);

    /// Who connects to it, or sends a datagram there, gets EHOSTUNREACH. Port 0: all of the host. Connections that are
    /// there already go on.
    void unreachable(const address& where);
    /// Who connects to it never gets an answer, and datagrams to it are lost.
    void black_hole(const address& where);
    /// Neither of these any more; whose connect had no answer gets none now.
    void reachable(const address& where);

    /// Breaks all connections: both ends get ECONNRESET, and what was on its way is lost.
    void reset_all();

    /// Nothing arrives until heal(). What streams send meanwhile arrives then, datagrams are lost.
    void partition();
    void heal();

    /// Connections of which one end at least is open, accepted or not.
    [[nodiscard]] std::size_t connections() const noexcept;

    /// Whether it is written down what happens, from now on.
    void set_trace(bool on);
    /// What was written down, a line each:
    ///     0.000250000 #2 127.0.0.1:32768 sends 3 of 5 to 127.0.0.1:80
    [[nodiscard]] const std::string& trace() const noexcept;

    // --------------------------------------------------------------------------------------------------- io_driver

    [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }
    void poll(time_point until) override;
    [[nodiscard]] bool may_be_woken() const noexcept override;

    /// Throws: usage_error   there are no descriptors here
    io_handle adopt(int fd) override;
    io_handle watch(int fd, io_watcher& watcher) override;

    void close(io_handle handle) noexcept override;
    void abort(io_handle handle) noexcept override;

    io_handle open_socket(int family, int type, int protocol) override;
    std::pair<io_handle, io_handle> open_pair(int type) override;
    void bind(io_handle handle, const sockaddr* where, socklen_t length) override;
    void listen(io_handle handle, int backlog) override;
    void shutdown(io_handle handle, int how) override;
    void local_address(io_handle handle, sockaddr* into, socklen_t* length) const override;
    void remote_address(io_handle handle, sockaddr* into, socklen_t* length) const override;
    [[nodiscard]] std::optional<std::vector<sockaddr_storage>> look_up(std::string_view host) const override;

    void connect(io_handle handle, const sockaddr* to, socklen_t length) override;
    io_handle accept(io_handle handle) override;
    std::size_t recv(io_handle handle, std::span<std::byte> into) override;
    std::optional<std::size_t> try_recv(io_handle handle, std::span<std::byte> into) override;
    std::size_t send(io_handle handle, std::span<const iovec> pieces) override;
    std::optional<std::size_t> try_send(io_handle handle, std::span<const iovec> pieces) override;
    std::size_t recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from, socklen_t* length) override;
    std::optional<std::size_t> try_recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                             socklen_t* length) override;
    void send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) override;
    bool try_send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) override;
    void wait_readable(io_handle handle) override;
    void wait_writable(io_handle handle) override;

private:
    class state;
    struct attempts;
    std::unique_ptr<state> state_;
};

/// The network of the calling thread's loop.
///
/// Throws: usage_error   the loop has another driver
[[nodiscard]] CROCUS_EXPORT simulated_network& network();

}  // namespace crocus::testing
