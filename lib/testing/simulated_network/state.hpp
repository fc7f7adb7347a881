// A simulated network: who is in it, and what they do to each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/testing/simulated_network.hpp>

#include "air.hpp"
#include "endpoint.hpp"

namespace crocus::testing {

[[noreturn]] inline void throw_error(int error, const char* operation) {
    throw std::system_error(error, std::generic_category(), operation);
}

class simulated_network::state {
public:
    using endpoint = in_memory::endpoint;
    using phase = endpoint::phase;
    using side = in_memory::side;
    using connection = in_memory::connection;
    using way = in_memory::way;

    state(virtual_time_driver& time, std::uint64_t seed) : air(time, seed) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    // ---------------------------------------------------------------------------------------------- sockets.cpp

    [[nodiscard]] std::shared_ptr<endpoint> make(int family, int type) {
        return std::make_shared<endpoint>(++made_, family, type);
    }
    /// Throws: std::system_error   for so many sockets more
    void require_room(std::size_t n, const char* operation) const;
    io_handle enter(std::shared_ptr<endpoint> e);
    /// Null if it is closed.
    [[nodiscard]] std::shared_ptr<endpoint> find(io_handle handle) const noexcept;
    /// Throws: closed_error
    [[nodiscard]] std::shared_ptr<endpoint> checked(io_handle handle, const char* operation) const;
    void leave(io_handle handle, bool reset) noexcept;
    void close(endpoint& e, bool reset) noexcept;

    void bind(endpoint& e, const address& where);
    /// To a port that nobody has.
    void bind_anywhere(endpoint& e, address where, int error_if_none, const char* operation);
    [[nodiscard]] endpoint* find_bound(int type, const address& at) const noexcept;
    /// Why nobody is found at a path.
    [[nodiscard]] int why_nobody(const address& at) const noexcept;

    template <class F>
    void for_each(F f) const {
        for (const slot& s : slots_)
            if (s.at) f(*s.at);
    }

    /// Whoever waits on this side gets a closed_error if the socket is closed meanwhile.
    static void wait(endpoint& e, side endpoint::*which, const char* operation);

    /// Tells the next who waits there, if there is something to do for it.
    void pass_on(endpoint& e, side endpoint::*which) noexcept;

    /// Whoever had it, and leaves something, tells the next: also if he was told and is cancelled.
    struct turn {
        state& of;
        endpoint& e;
        side endpoint::*which;
        ~turn() { of.pass_on(e, which); }
    };

    [[nodiscard]] bool is_ready(const endpoint& e, side endpoint::*which) const noexcept;
    void wait_ready(io_handle handle, side endpoint::*which, const char* operation);

    /// What `attempt(e)` gives, as soon as that is something, and it is the caller's turn.
    template <class Attempt>
    auto in_turn(io_handle handle, side endpoint::*which, const char* operation, Attempt attempt) {
        const auto e = checked(handle, operation);
        const turn mine{*this, *e, which};
        const bool any_order = e->mail && which == &endpoint::out;  // datagrams may be for several
        if (!any_order && (e.get()->*which).taken()) wait(*e, which, operation);
        for (;;) {
            if (auto result = attempt(*e)) return *result;
            wait(*e, which, operation);
        }
    }

    /// The same without waiting: nothing if it would.
    template <class Attempt>
    auto now(io_handle handle, const char* operation, Attempt attempt) {
        return attempt(*checked(handle, operation));
    }

    // ---------------------------------------------------------------------------------------------- streams.cpp

    static void join(const std::shared_ptr<endpoint>& a, const std::shared_ptr<endpoint>& b);
    void begin_connect(endpoint& e, const address& to);
    [[nodiscard]] std::shared_ptr<endpoint> take_arrived(endpoint& door);
    void close_door(endpoint& e) noexcept;
    void hang_up(endpoint& e, bool reset) noexcept;
    void send_end(endpoint& e);
    void break_connection(connection& c, const char* why);

    std::optional<std::size_t> take(endpoint& e, std::span<std::byte> into);
    std::optional<std::size_t> put(endpoint& e, std::span<const iovec> pieces);

    // -------------------------------------------------------------------------------------------- datagrams.cpp

    /// Returns its whole size.
    std::optional<std::size_t> take_datagram(endpoint& e, std::span<std::byte> into, address* from,
                                             const char* operation);
    std::optional<std::size_t> put_datagram(endpoint& e, std::span<const iovec> pieces, const address* to,
                                            const char* operation);
    void connect_datagrams(endpoint& e, const address& to);
    static void wait_for_room(endpoint& sender, endpoint& receiver);
    static void tell_senders(endpoint& receiver) noexcept;

    // -------------------------------------------------------------------------------------------------- at large

    enum class fate { reached, unreachable, swallowed };
    [[nodiscard]] fate fate_of(const address& to) const noexcept;
    void set_fate(const address& of, fate f);

    template <class... Parts>
    void note(const endpoint& e, const Parts&... parts) {
        if (air.tracing()) [[unlikely]]
            air.note((e.name() + ... + text(parts)));
    }

    in_memory::air air;
    std::map<std::string, std::vector<address>, std::less<>> hosts;
    std::size_t connections = 0;

private:
    struct slot {
        std::uint32_t generation = 0;
        std::shared_ptr<endpoint> at;
    };

    static std::string text(const char* s) { return s; }
    static std::string text(const std::string& s) { return s; }
    static std::string text(std::size_t n) { return std::to_string(n); }
    static std::string text(const address& a) { return in_memory::text_of(a); }

    static std::uint64_t port_key(int type, const address& a) noexcept {
        return (static_cast<std::uint64_t>(type) << 32U) | (static_cast<std::uint64_t>(a.family()) << 16U) | a.port();
    }
    [[nodiscard]] bool is_taken(int type, const address& a) const noexcept;
    void unbind(endpoint& e) noexcept;

    template <class F>
    void transmit(const std::shared_ptr<connection>& c, std::size_t from, F arrives);
    void arrive(const std::shared_ptr<connection>& c, std::size_t from, const std::string& bytes);
    void end_way(connection& c, std::size_t from);
    void reset_end(connection& c, std::size_t end);
    static void fail(endpoint& e, int error) noexcept;
    void knock(endpoint& e);
    void admit(endpoint& door, endpoint& e);
    void answer(endpoint& e, int error);
    void let_in(endpoint& door);

    void carry(endpoint& e, const address& to, std::string bytes, bool late);
    void land(const std::weak_ptr<endpoint>& sender, const address& from, const address& to, std::string bytes);
    void hand_over(endpoint& sender, endpoint& receiver, std::string bytes);
    [[nodiscard]] endpoint* local_receiver(const endpoint& e, const address* to, const char* operation) const;

    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t made_ = 0;
    std::unordered_map<std::uint64_t, std::vector<endpoint*>> ports_;
    std::unordered_map<std::string, endpoint*> paths_;
    std::set<std::string, std::less<>> left_paths_;
    std::uint16_t next_port_ = first_port;
    std::size_t next_name_ = 0;
    std::vector<std::pair<address, fate>> fates_;

    static constexpr std::uint16_t first_port = 32768;
    static constexpr std::uint16_t last_port = 60999;
};

}  // namespace crocus::testing
