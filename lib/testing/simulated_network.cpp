#include <crocus/testing/simulated_network.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <crocus/event_loop.hpp>
#include <crocus/testing/driver_decorator.hpp>

#include "simulated_network/state.hpp"

namespace crocus::testing {

namespace {

void require_possible(const network_conditions& c) {
    for (const double chance :
         {c.short_reads, c.short_writes, c.resets, c.silences, c.refusals, c.losses, c.duplicates, c.reorderings})
        if (!(chance >= 0 && chance <= 1))
            throw usage_error("network_conditions: a chance is from 0 to 1, not " + std::to_string(chance));
    if (c.least_latency < duration::zero() || (c.most_latency != duration::zero() && c.most_latency < c.least_latency))
        throw usage_error("network_conditions: the latencies are 0 or more, the least first");
    if (c.buffer == 0) throw usage_error("network_conditions: with a buffer of 0 bytes nothing could be sent");
}

[[noreturn]] void refuse_descriptor(int fd) {
    throw usage_error(
        "descriptor " + std::to_string(fd) +
        " is the system's, and a simulated network is none of its: virtual time cannot wait for it. Make "
        "sockets by crocus::socket, open_connection and start_server; what needs real descriptors runs on "
        "a loop over epoll, as of crocus::run");
}

address checked_address(const sockaddr* a, socklen_t length, const char* operation) {
    try {
        return {a, length};
    } catch (const usage_error&) {
        throw_error(EINVAL, operation);
    }
}

void fill(const address& a, sockaddr* into, socklen_t* length) noexcept {
    if (into == nullptr || length == nullptr) return;
    std::memcpy(into, a.data(), std::min(*length, a.size()));
    *length = a.size();
}

}  // namespace

simulated_network::simulated_network(const network_conditions& conditions, std::uint64_t seed)
    : state_(std::make_unique<state>(*this, seed)) {
    set_conditions(conditions);
}
simulated_network::~simulated_network() = default;

// ------------------------------------------------------------------------------------------------------- for the test

const network_conditions& simulated_network::conditions() const noexcept { return state_->air.conditions; }

void simulated_network::set_conditions(const network_conditions& conditions) {
    require_possible(conditions);
    state_->air.conditions = conditions;
    state_->for_each(
        [&](state::endpoint& e) { state_->pass_on(e, &state::endpoint::out); });  // the buffers may be larger
}

void simulated_network::add_host(std::string name, const std::vector<std::string>& addresses) {
    std::vector<address> all;
    for (const std::string& a : addresses) all.push_back(address::parse(a, 0));
    state_->hosts.insert_or_assign(std::move(name), std::move(all));
}

void simulated_network::unreachable(const address& where) { state_->set_fate(where, state::fate::unreachable); }
void simulated_network::black_hole(const address& where) { state_->set_fate(where, state::fate::swallowed); }
void simulated_network::reachable(const address& where) { state_->set_fate(where, state::fate::reached); }

void simulated_network::reset_all() {
    state_->for_each([&](const state::endpoint& e) {
        if (e.link && !e.link->broken) state_->break_connection(*e.link, " is reset");
    });
}

void simulated_network::partition() { state_->air.cut(); }
void simulated_network::heal() { state_->air.heal(); }

std::size_t simulated_network::connections() const noexcept { return state_->connections; }

void simulated_network::set_trace(bool on) { state_->air.set_trace(on); }
const std::string& simulated_network::trace() const noexcept { return state_->air.trace(); }

simulated_network& network() {
    event_loop* const loop = event_loop::current_if_any();
    io_driver* driver = loop != nullptr ? &loop->driver() : nullptr;
    while (auto* const decorator = dynamic_cast<driver_decorator*>(driver)) driver = &decorator->decorated();
    if (auto* const simulated = dynamic_cast<simulated_network*>(driver)) return *simulated;
    throw usage_error("testing::network: this loop has no simulated network; call it inside testing::run");
}

// ------------------------------------------------------------------------------------------------------- for the loop

void simulated_network::poll(time_point until) {
    const bool any = state_->air.deliver();
    virtual_time_driver::poll(any ? time_point::min() : std::min(until, state_->air.next()));
    state_->air.deliver();
}

bool simulated_network::may_be_woken() const noexcept { return !state_->air.empty(); }

io_handle simulated_network::adopt(int fd) { refuse_descriptor(fd); }
io_handle simulated_network::watch(int fd, io_watcher&) { refuse_descriptor(fd); }

// ------------------------------------------------------------------------------------------------------------ sockets

void simulated_network::close(io_handle handle) noexcept { state_->leave(handle, false); }
void simulated_network::abort(io_handle handle) noexcept { state_->leave(handle, true); }

io_handle simulated_network::open_socket(int family, int type, int protocol) {
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) throw_error(EAFNOSUPPORT, "socket");
    if (type != SOCK_STREAM && type != SOCK_DGRAM) throw_error(ESOCKTNOSUPPORT, "socket");
    const int usual = family == AF_UNIX ? 0 : type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    if (protocol != 0 && protocol != usual) throw_error(EPROTONOSUPPORT, "socket");
    state_->require_room(1, "socket");
    return state_->enter(state_->make(family, type));
}

std::pair<io_handle, io_handle> simulated_network::open_pair(int type) {
    if (type != SOCK_STREAM && type != SOCK_DGRAM) throw_error(ESOCKTNOSUPPORT, "socketpair");
    state_->require_room(2, "socketpair");
    const auto a = state_->make(AF_UNIX, type);
    const auto b = state_->make(AF_UNIX, type);
    a->is = b->is = state::phase::connected;
    if (a->is_stream()) {
        state::join(a, b);
        ++state_->connections;
    } else {
        a->mail->peer = b;
        b->mail->peer = a;
    }
    const io_handle first = state_->enter(a);
    return {first, state_->enter(b)};
}

void simulated_network::bind(io_handle handle, const sockaddr* where, socklen_t length) {
    const auto e = state_->checked(handle, "bind");
    state_->bind(*e, checked_address(where, length, "bind"));
}

void simulated_network::listen(io_handle handle, int backlog) {
    const auto e = state_->checked(handle, "listen");
    if (!e->is_stream()) throw_error(EOPNOTSUPP, "listen");
    const bool may = e->is == state::phase::listening || (e->is == state::phase::fresh && (e->bound || !e->is_local()));
    if (!may) throw_error(EINVAL, "listen");
    if (!e->bound) state_->bind_anywhere(*e, in_memory::no_address(e->family), EADDRINUSE, "listen");
    if (!e->door) e->door = std::make_unique<in_memory::listener>();
    e->door->most = static_cast<std::size_t>(std::max(backlog, 0)) + 1;  // as Linux counts
    e->is = state::phase::listening;
    state_->note(*e, " listens");
}

void simulated_network::shutdown(io_handle handle, int how) {
    const auto e = state_->checked(handle, "shutdown");
    if (e->is != state::phase::connected && !e->is_local()) throw_error(ENOTCONN, "shutdown");
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) throw_error(EINVAL, "shutdown");
    if (how != SHUT_WR) e->read_shut = true;
    if (how != SHUT_RD) {
        e->write_shut = true;
        if (e->link) state_->send_end(*e);
    }
    e->in.tell_next();
    e->out.tell_next();
}

void simulated_network::local_address(io_handle handle, sockaddr* into, socklen_t* length) const {
    fill(state_->checked(handle, "getsockname")->local, into, length);
}

void simulated_network::remote_address(io_handle handle, sockaddr* into, socklen_t* length) const {
    const auto e = state_->checked(handle, "getpeername");
    if (e->is != state::phase::connected) throw_error(ENOTCONN, "getpeername");
    fill(e->remote, into, length);
}

std::optional<std::vector<sockaddr_storage>> simulated_network::look_up(std::string_view host) const {
    std::vector<address> known;
    if (const auto there = state_->hosts.find(host); there != state_->hosts.end())
        known = there->second;
    else if (host == "localhost")
        known = {address::parse("127.0.0.1", 0), address::parse("::1", 0)};
    std::vector<sockaddr_storage> all(known.size());
    for (std::size_t i = 0; i != known.size(); ++i) std::memcpy(&all[i], known[i].data(), known[i].size());
    return all;
}

// --------------------------------------------------------------------------------------------------------- operations

void simulated_network::connect(io_handle handle, const sockaddr* to, socklen_t length) {
    const auto e = state_->checked(handle, "connect");
    if (e->mail && length >= sizeof(sa_family_t) && to->sa_family == AF_UNSPEC) {  // it has no peer any more
        e->is = state::phase::fresh;
        e->remote = in_memory::no_address(e->family);
        e->mail->peer.reset();
        return;
    }
    const address target = checked_address(to, length, "connect");
    if (e->mail) return state_->connect_datagrams(*e, target);
    state_->begin_connect(*e, target);
    const state::turn mine{*state_, *e, &state::endpoint::out};
    while (e->is == state::phase::connecting) state::wait(*e, &state::endpoint::out, "connect");
    if (e->error == 0) return;
    throw_error(e->is == state::phase::fresh ? std::exchange(e->error, 0) : e->error, "connect");
}

io_handle simulated_network::accept(io_handle handle) {
    return state_->enter(state_->in_turn(handle, &state::endpoint::in, "accept", [&](state::endpoint& e) {
        auto first = state_->take_arrived(e);
        return first ? std::optional(std::move(first)) : std::nullopt;
    }));
}

namespace {

/// A datagram's part that `into` has room for.
std::optional<std::size_t> at_most(std::optional<std::size_t> size, std::size_t room) {
    return size ? std::optional(std::min(*size, room)) : size;
}

}  // namespace

/// How each of the operations is tried, once.
struct simulated_network::attempts {
    state& of;

    auto receive(std::span<std::byte> into) const {
        return [&s = of, into](state::endpoint& e) {
            if (e.mail) return at_most(s.take_datagram(e, into, nullptr, "recv"), into.size());
            return s.take(e, into);
        };
    }
    auto send(std::span<const iovec> pieces) const {
        return [&s = of, pieces](state::endpoint& e) {
            return e.mail ? s.put_datagram(e, pieces, nullptr, "send") : s.put(e, pieces);
        };
    }
    auto receive_from(std::span<std::byte> into, sockaddr* from, socklen_t* length) const {
        return [&s = of, into, from, length](state::endpoint& e) {
            address sender = in_memory::no_address(e.family);
            const auto size = e.mail ? s.take_datagram(e, into, &sender, "recvfrom") : s.take(e, into);
            const bool nameless = !e.mail || (e.is_local() && sender.path().empty());
            if (size && nameless && length != nullptr)
                *length = 0;
            else if (size)
                fill(sender, from, length);
            return size;
        };
    }
    auto send_to(std::span<const iovec> pieces, const sockaddr* to, socklen_t length) const {
        return [&s = of, pieces, target = checked_address(to, length, "sendto")](state::endpoint& e) {
            if (!e.mail) throw_error(e.is == state::phase::connected ? EISCONN : EOPNOTSUPP, "sendto");
            return s.put_datagram(e, pieces, &target, "sendto");
        };
    }
};

std::size_t simulated_network::recv(io_handle handle, std::span<std::byte> into) {
    return state_->in_turn(handle, &state::endpoint::in, "recv", attempts{*state_}.receive(into));
}

std::optional<std::size_t> simulated_network::try_recv(io_handle handle, std::span<std::byte> into) {
    return state_->now(handle, "recv", attempts{*state_}.receive(into));
}

std::size_t simulated_network::send(io_handle handle, std::span<const iovec> pieces) {
    return state_->in_turn(handle, &state::endpoint::out, "send", attempts{*state_}.send(pieces));
}

std::optional<std::size_t> simulated_network::try_send(io_handle handle, std::span<const iovec> pieces) {
    return state_->now(handle, "send", attempts{*state_}.send(pieces));
}

std::size_t simulated_network::recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                         socklen_t* length) {
    return state_->in_turn(handle, &state::endpoint::in, "recvfrom",
                           attempts{*state_}.receive_from(into, from, length));
}

std::optional<std::size_t> simulated_network::try_recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                                            socklen_t* length) {
    return state_->now(handle, "recvfrom", attempts{*state_}.receive_from(into, from, length));
}

void simulated_network::send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) {
    state_->in_turn(handle, &state::endpoint::out, "sendto", attempts{*state_}.send_to(pieces, to, length));
}

bool simulated_network::try_send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to,
                                    socklen_t length) {
    return state_->now(handle, "sendto", attempts{*state_}.send_to(pieces, to, length)).has_value();
}

void simulated_network::wait_readable(io_handle handle) {
    state_->wait_ready(handle, &state::endpoint::in, "wait_readable");
}

void simulated_network::wait_writable(io_handle handle) {
    state_->wait_ready(handle, &state::endpoint::out, "wait_writable");
}

}  // namespace crocus::testing
