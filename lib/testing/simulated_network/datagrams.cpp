// Datagrams: between internet sockets they come as the network's conditions allow, between Unix sockets all come.
#include <algorithm>
#include <cerrno>
#include <chrono>

#include "state.hpp"

namespace crocus::testing {

using in_memory::beginning_of;
using in_memory::is_any;
using in_memory::total_of;

namespace {
constexpr std::size_t largest = 65507;
constexpr std::chrono::milliseconds least_delay{1};  // of one that is overtaken
}  // namespace

void simulated_network::state::connect_datagrams(endpoint& e, const address& to) {
    if (to.family() != e.family) throw_error(e.is_local() ? EINVAL : EAFNOSUPPORT, "connect");
    if (e.is_local()) {
        endpoint* const peer = local_receiver(e, &to, "connect");
        e.mail->peer = peer->weak_from_this();
    } else {
        if (!e.bound) bind_anywhere(e, in_memory::source_for(to), EADDRNOTAVAIL, "connect");
        if (is_any(e.local)) {
            const std::uint16_t port = e.local.port();
            e.local = in_memory::source_for(to);
            e.local.set_port(port);
        }
    }
    e.remote = to;
    e.is = phase::connected;
    note(e, " is connected to ", to);
}

std::optional<std::size_t> simulated_network::state::take_datagram(endpoint& e, std::span<std::byte> into,
                                                                   address* from, const char* operation) {
    if (e.error != 0) throw_error(std::exchange(e.error, 0), operation);
    if (e.mail->arrived.empty()) return e.read_shut ? std::optional(std::size_t{0}) : std::nullopt;
    const in_memory::datagram first = std::move(e.mail->arrived.front());
    e.mail->arrived.pop_front();
    e.mail->bytes -= first.bytes.size();
    first.bytes.copy(reinterpret_cast<char*>(into.data()), into.size());
    if (from != nullptr) *from = first.from;
    note(e, " receives a datagram of ", first.bytes.size(), " from ", first.from);
    tell_senders(e);
    return first.bytes.size();
}

std::optional<std::size_t> simulated_network::state::put_datagram(endpoint& e, std::span<const iovec> pieces,
                                                                  const address* to, const char* operation) {
    if (e.error != 0) throw_error(std::exchange(e.error, 0), operation);
    if (e.write_shut) throw_error(EPIPE, operation);
    const std::size_t size = total_of(pieces);
    if (size > largest) throw_error(EMSGSIZE, operation);
    if (to != nullptr && to->family() != e.family) throw_error(e.is_local() ? EINVAL : EAFNOSUPPORT, operation);
    if (e.is_local()) {
        endpoint* const receiver = local_receiver(e, to, operation);
        if (receiver->mail->bytes != 0 && receiver->mail->bytes + size > air.conditions.buffer) {
            wait_for_room(e, *receiver);
            return std::nullopt;
        }
        hand_over(e, *receiver, beginning_of(pieces, size));
        return size;
    }
    if (to == nullptr && e.is != phase::connected) throw_error(EDESTADDRREQ, operation);
    const address target = to != nullptr ? *to : e.remote;
    if (!e.bound) bind_anywhere(e, in_memory::no_address(e.family), EAGAIN, operation);
    const fate f = fate_of(target);
    if (f == fate::unreachable) throw_error(EHOSTUNREACH, operation);
    note(e, " sends a datagram of ", size, " to ", target);
    if (f == fate::swallowed || air.chance(air.conditions.losses)) {
        note(e, " has lost it");
        return size;
    }
    const bool late = air.chance(air.conditions.reorderings);
    const bool twice = air.chance(air.conditions.duplicates);
    if (twice) carry(e, target, beginning_of(pieces, size), false);
    carry(e, target, beginning_of(pieces, size), late);
    return size;
}

// --------------------------------------------------------------------------------------------------------- by internet

/// They come in the order in which they were sent, but for those that are late.
void simulated_network::state::carry(endpoint& e, const address& to, std::string bytes, bool late) {
    address from = e.local;
    if (is_any(from)) {
        from = in_memory::source_for(to);
        from.set_port(e.local.port());
    }
    auto& mail = *e.mail;
    const time_point when = std::max(mail.last, air.now() + air.latency());
    const auto sender = e.weak_from_this();
    if (late) {
        const duration by = air.between(least_delay, least_delay + 2 * air.conditions.most_latency);
        return air.add(when + by, in_memory::air::if_cut::is_lost,
                       [this, sender, from, to, b = std::move(bytes)] { land(sender, from, to, b); });
    }
    mail.last = when;
    if (mail.arrivals == 0 && air.at_once(when)) return land(sender, from, to, std::move(bytes));
    ++mail.arrivals;
    air.add(when, in_memory::air::if_cut::is_lost, [this, sender, from, to, b = std::move(bytes)] {
        if (const auto self = sender.lock()) --self->mail->arrivals;
        land(sender, from, to, b);
    });
}

/// Where nobody takes it a connected sender is told.
void simulated_network::state::land(const std::weak_ptr<endpoint>& sender, const address& from, const address& to,
                                    std::string bytes) {
    if (air.is_cut()) return;
    endpoint* const receiver = find_bound(SOCK_DGRAM, to);
    if (receiver == nullptr || (receiver->is == phase::connected && !(receiver->remote == from))) {
        const auto refused = [this, sender, to] {
            const auto self = sender.lock();
            if (!self || !self->open || self->is != phase::connected || !(self->remote == to)) return;
            note(*self, " is refused by ", to);
            fail(*self, ECONNREFUSED);
        };
        const time_point when = air.now() + air.latency();
        if (air.at_once(when)) return refused();
        return air.add(when, in_memory::air::if_cut::is_lost, refused);
    }
    auto& mail = *receiver->mail;
    if (mail.bytes + bytes.size() > air.conditions.buffer && mail.bytes != 0)
        return note(*receiver, " has no room for a datagram from ", from);
    if (receiver->read_shut) return;
    mail.bytes += bytes.size();
    mail.arrived.push_back({std::move(bytes), from});
    receiver->in.tell_next();
}

// ------------------------------------------------------------------------------------------------ between Unix sockets

in_memory::endpoint* simulated_network::state::local_receiver(const endpoint& e, const address* to,
                                                              const char* operation) const {
    if (to == nullptr) {
        if (e.is != phase::connected) throw_error(ENOTCONN, operation);
        const auto peer = e.mail->peer.lock();
        if (!peer || !peer->open) throw_error(ECONNREFUSED, operation);
        return peer.get();
    }
    endpoint* const there = find_bound(e.type, *to);
    if (there == nullptr) throw_error(why_nobody(*to), operation);
    if (!there->mail) throw_error(EPROTOTYPE, operation);
    return there;
}

/// Its room is taken while it is on its way.
void simulated_network::state::hand_over(endpoint& sender, endpoint& receiver, std::string bytes) {
    auto& mail = *sender.mail;
    note(sender, " sends a datagram of ", bytes.size(), " to ", receiver.name());
    receiver.mail->bytes += bytes.size();
    mail.last = std::max(mail.last, air.now() + air.latency());
    const auto lands = [from = sender.local](endpoint& to, std::string b) {
        to.mail->arrived.push_back({std::move(b), from});
        to.in.tell_next();
    };
    if (mail.arrivals == 0 && air.at_once(mail.last)) return lands(receiver, std::move(bytes));
    ++mail.arrivals;
    air.add(mail.last, [lands, from = sender.weak_from_this(), to = receiver.weak_from_this(), b = std::move(bytes)] {
        if (const auto self = from.lock()) --self->mail->arrivals;
        if (const auto other = to.lock(); other && other->open) lands(*other, b);
    });
}

void simulated_network::state::wait_for_room(endpoint& sender, endpoint& receiver) {
    auto& senders = receiver.mail->senders;
    const bool known = std::ranges::any_of(senders, [&](const auto& s) { return s.lock().get() == &sender; });
    if (!known) senders.push_back(sender.weak_from_this());
}

/// Each looks for itself: those of one socket may send to several.
void simulated_network::state::tell_senders(endpoint& receiver) noexcept {
    for (const auto& who : std::exchange(receiver.mail->senders, {}))
        if (const auto sender = who.lock()) sender->out.tell_all();
}

}  // namespace crocus::testing
