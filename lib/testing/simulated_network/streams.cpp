// Connections: how they begin, what goes through them, and how they end.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "state.hpp"

namespace crocus::testing {

using in_memory::beginning_of;
using in_memory::listener;
using in_memory::total_of;

// ---------------------------------------------------------------------------------------------------------- on the way

/// `arrives()` at the other end, after all that was sent this way before; at once where nothing takes time.
template <class F>
void simulated_network::state::transmit(const std::shared_ptr<connection>& c, std::size_t from, F arrives) {
    if (c->broken || c->silent) return;
    way& w = c->ways[from];
    w.last = std::max(w.last, air.now() + air.latency());
    if (w.arrivals == 0 && air.at_once(w.last)) return arrives();
    ++w.arrivals;
    air.add(w.last, [c, from, arrives = std::move(arrives)] {
        --c->ways[from].arrivals;
        if (!c->broken && !c->silent) arrives();
    });
}

/// At an end that is closed already it is an offence.
void simulated_network::state::arrive(const std::shared_ptr<connection>& c, std::size_t from,
                                      const std::string& bytes) {
    way& w = c->ways[from];
    w.in_flight -= bytes.size();
    endpoint* const receiver = c->ends[1 - from];
    if (receiver == nullptr) return transmit(c, 1 - from, [this, c, from] { reset_end(*c, from); });
    if (receiver->read_shut) return;
    w.bytes += bytes;
    note(*receiver, " has ", bytes.size(), " more");
    receiver->in.tell_next();
}

void simulated_network::state::end_way(connection& c, std::size_t from) {
    c.ways[from].ended = true;
    endpoint* const receiver = c.ends[1 - from];
    if (receiver == nullptr) return;
    note(*receiver, " is at the end");
    receiver->in.tell_next();
}

/// As TCP says it: to who was told already that no more comes, the peer does not take any more.
void simulated_network::state::reset_end(connection& c, std::size_t end) {
    endpoint* const e = c.ends[end];
    if (e == nullptr || e->error != 0) return;
    note(*e, " is reset");
    fail(*e, c.ways[1 - end].ended ? EPIPE : ECONNRESET);
}

void simulated_network::state::fail(endpoint& e, int error) noexcept {
    e.error = error;
    e.in.tell_next();
    e.out.tell_next();
}

void simulated_network::state::break_connection(connection& c, const char* why) {
    c.broken = true;
    for (endpoint* const e : c.ends) {
        if (e == nullptr) continue;
        note(*e, why);
        e->is = phase::connected;
        fail(*e, ECONNRESET);
    }
}

// ----------------------------------------------------------------------------------------------------------- beginning

void simulated_network::state::join(const std::shared_ptr<endpoint>& a, const std::shared_ptr<endpoint>& b) {
    const auto c = std::make_shared<connection>();
    c->ends = {a.get(), b.get()};
    a->link = b->link = c;
    a->end = 0;
    b->end = 1;
}

void simulated_network::state::begin_connect(endpoint& e, const address& asked) {
    if (e.is == phase::connecting) throw_error(EALREADY, "connect");
    if (e.is != phase::fresh) throw_error(EISCONN, "connect");
    if (asked.family() != e.family) throw_error(e.is_local() ? EINVAL : EAFNOSUPPORT, "connect");
    address to = asked;
    if (in_memory::is_any(to)) {
        to = in_memory::source_for(to);
        to.set_port(asked.port());
    }
    if (!e.bound && !e.is_local()) bind_anywhere(e, in_memory::source_for(to), EADDRNOTAVAIL, "connect");
    e.remote = to;
    e.is = phase::connecting;
    e.out.describe_again();
    note(e, " connects to ", to);
    const fate f = fate_of(to);
    if (f == fate::swallowed) return;
    int error = f == fate::unreachable ? EHOSTUNREACH : 0;
    if (error == 0 && air.chance(air.conditions.refusals)) error = ECONNREFUSED;
    const auto reaches = [this, error, who = e.weak_from_this()] {
        const auto self = who.lock();
        if (!self || !self->open) return;
        if (error != 0)
            answer(*self, error);
        else
            knock(*self);
    };
    const time_point when = air.now() + air.latency();
    if (air.at_once(when)) return reaches();
    air.add(when, reaches);
}

/// It is at the door.
void simulated_network::state::knock(endpoint& e) {
    endpoint* const door = find_bound(SOCK_STREAM, e.remote);
    if (door == nullptr || door->is != phase::listening) return answer(e, door ? ECONNREFUSED : why_nobody(e.remote));
    if (door->door->arrived.size() < door->door->most) return admit(*door, e);
    note(*door, " has no room for ", e.local);
    door->door->knocking.push_back(e.weak_from_this());
}

void simulated_network::state::admit(endpoint& door, endpoint& e) {
    const auto accepting = make(e.family, e.type);
    accepting->local = e.is_local() ? door.local : e.remote;
    accepting->remote = e.local;
    accepting->is = phase::connected;
    join(e.shared_from_this(), accepting);
    ++connections;
    door.door->arrived.push_back(accepting);
    note(*accepting, " was reached from ", e.local);
    door.in.tell_next();
    transmit(e.link, accepting->end, [this, c = e.link] {
        if (endpoint* const self = c->ends[0]) answer(*self, 0);
    });
}

/// The answer to a connect is on its way back, or there.
void simulated_network::state::answer(endpoint& e, int error) {
    const auto arrives = [this, error, who = e.weak_from_this()] {
        const auto self = who.lock();
        if (!self || self->is != phase::connecting) return;
        self->is = error == 0 ? phase::connected : phase::fresh;
        self->error = error;
        note(*self, error == 0 ? " is connected" : " is not connected: ", error == 0 ? "" : std::strerror(error));
        self->in.tell_next();
        self->out.tell_next();
    };
    const time_point when = air.now() + air.latency();
    if (error == 0 || air.at_once(when)) return arrives();
    air.add(when, arrives);
}

std::shared_ptr<in_memory::endpoint> simulated_network::state::take_arrived(endpoint& e) {
    if (e.is != phase::listening) throw_error(e.is_stream() ? EINVAL : EOPNOTSUPP, "accept");
    if (e.door->arrived.empty()) return nullptr;
    require_room(1, "accept");
    auto first = std::move(e.door->arrived.front());
    e.door->arrived.pop_front();
    note(*first, " is accepted");
    let_in(e);
    return first;
}

void simulated_network::state::let_in(endpoint& door) {
    listener& l = *door.door;
    while (!l.knocking.empty() && l.arrived.size() < l.most) {
        const auto first = l.knocking.front().lock();
        l.knocking.pop_front();
        if (first && first->is == phase::connecting && first->open) admit(door, *first);
    }
}

// ------------------------------------------------------------------------------------------------------------- the end

void simulated_network::state::close_door(endpoint& e) noexcept {
    for (const auto& left : std::exchange(e.door->arrived, {})) close(*left, true);
    for (const auto& who : std::exchange(e.door->knocking, {}))
        if (const auto left = who.lock()) answer(*left, ECONNREFUSED);
}

/// What was not read is an offence too.
void simulated_network::state::hang_up(endpoint& e, bool reset) noexcept {
    const auto c = e.link;
    const std::size_t self = e.end;
    c->ends[self] = nullptr;
    if (endpoint* const other = c->ends[1 - self]; other == nullptr)
        --connections;
    else if (reset || e.incoming().unread() != 0)
        transmit(c, self, [this, c, self] { reset_end(*c, 1 - self); });
    else
        send_end(e);
    if (endpoint* const other = c->ends[1 - self]; other != nullptr && other->is_local()) other->out.tell_next();
}

void simulated_network::state::send_end(endpoint& e) {
    if (std::exchange(e.outgoing().end_sent, true)) return;
    transmit(e.link, e.end, [this, c = e.link, self = e.end] { end_way(*c, self); });
}

// --------------------------------------------------------------------------------------------------- what goes through

std::optional<std::size_t> simulated_network::state::take(endpoint& e, std::span<std::byte> into) {
    if (e.is == phase::connecting) return std::nullopt;
    if (!e.link) throw_error(e.is_local() ? EINVAL : ENOTCONN, "recv");
    if (into.empty()) return 0;
    way& w = e.incoming();
    if (w.unread() == 0) {
        if (w.ended || e.read_shut) return 0;
        if (e.error != 0) throw_error(e.error, "recv");
        return std::nullopt;
    }
    const std::size_t n = air.some_of(std::min(into.size(), w.unread()), air.conditions.short_reads);
    w.take(reinterpret_cast<char*>(into.data()), n);
    note(e, " receives ", n);
    if (endpoint* const sender = e.other_end()) pass_on(*sender, &endpoint::out);
    return n;
}

std::optional<std::size_t> simulated_network::state::put(endpoint& e, std::span<const iovec> pieces) {
    if (e.is == phase::connecting) return std::nullopt;
    if (!e.link) throw_error(e.is_local() ? ENOTCONN : EPIPE, "send");
    if (e.error != 0) throw_error(e.error, "send");
    if (e.write_shut || (e.is_local() && e.other_end() == nullptr)) throw_error(EPIPE, "send");
    const std::size_t all = total_of(pieces);
    way& w = e.outgoing();
    const std::size_t room = w.room(air.conditions.buffer);
    if (all == 0) return 0;
    if (room == 0) return std::nullopt;
    if (air.chance(air.conditions.resets)) {
        break_connection(*e.link, " breaks");
        throw_error(ECONNRESET, "send");
    }
    if (!e.link->silent && air.chance(air.conditions.silences)) {
        e.link->silent = true;
        note(e, " hears and is heard no more");
    }
    const std::size_t n = air.some_of(std::min(all, room), air.conditions.short_writes);
    note(e, " sends ", n, " of ", all, " to ", e.remote);
    w.in_flight += n;
    transmit(e.link, e.end,
             [this, c = e.link, self = e.end, bytes = beginning_of(pieces, n)] { arrive(c, self, bytes); });
    return n;
}

}  // namespace crocus::testing
