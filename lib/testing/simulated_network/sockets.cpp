// Who is in a simulated network, and where.
#include <algorithm>
#include <cerrno>

#include "state.hpp"

namespace crocus::testing {

using in_memory::is_any;

// ----------------------------------------------------------------------------------------------------------- handles

void simulated_network::state::require_room(std::size_t n, const char* operation) const {
    if (slots_.size() - free_.size() + n > air.conditions.sockets) throw_error(EMFILE, operation);
}

io_handle simulated_network::state::enter(std::shared_ptr<endpoint> e) {
    std::uint32_t at = 0;
    if (free_.empty()) {
        at = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
        free_.reserve(slots_.capacity());  // so that leave() need not allocate
    } else {
        at = free_.back();
        free_.pop_back();
    }
    slot& s = slots_[at];
    if (++s.generation == 0) ++s.generation;
    s.at = std::move(e);
    return {at, s.generation};
}

std::shared_ptr<in_memory::endpoint> simulated_network::state::find(io_handle handle) const noexcept {
    if (!handle || handle.slot >= slots_.size() || slots_[handle.slot].generation != handle.generation) return nullptr;
    return slots_[handle.slot].at;
}

std::shared_ptr<in_memory::endpoint> simulated_network::state::checked(io_handle handle, const char* operation) const {
    auto e = find(handle);
    if (!e) throw closed_error(std::string(operation) + ": the descriptor is closed");
    return e;
}

void simulated_network::state::leave(io_handle handle, bool reset) noexcept {
    const auto e = find(handle);
    if (!e) return;
    slots_[handle.slot].at = nullptr;
    free_.push_back(handle.slot);
    close(*e, reset);
}

void simulated_network::state::close(endpoint& e, bool reset) noexcept {
    note(e, reset ? " is aborted" : " is closed");
    e.open = false;
    unbind(e);
    if (e.door) close_door(e);
    if (e.link) hang_up(e, reset);
    if (e.mail) tell_senders(e);
    e.in.tell_all();
    e.out.tell_all();
}

// --------------------------------------------------------------------------------------------------------- addresses

bool simulated_network::state::is_taken(int type, const address& a) const noexcept {
    if (a.is_local()) return paths_.contains(std::string(a.path()));
    const auto there = ports_.find(port_key(type, a));
    if (there == ports_.end()) return false;
    return is_any(a) ||
           std::ranges::any_of(there->second, [&](const endpoint* e) { return is_any(e->local) || e->local == a; });
}

void simulated_network::state::bind(endpoint& e, const address& where) {
    if (where.family() != e.family) throw_error(e.is_local() ? EINVAL : EAFNOSUPPORT, "bind");
    if (e.bound) throw_error(EINVAL, "bind");
    if (where.is_local() ? where.path().empty() : where.port() == 0) return bind_anywhere(e, where, EADDRINUSE, "bind");
    if (is_taken(e.type, where)) throw_error(EADDRINUSE, "bind");
    if (where.is_local())
        paths_.emplace(where.path(), &e);
    else
        ports_[e.bound_to = port_key(e.type, where)].push_back(&e);
    e.local = where;
    e.bound = true;
}

void simulated_network::state::bind_anywhere(endpoint& e, address where, int error_if_none, const char* operation) {
    for (int tries = last_port - first_port + 1; tries != 0; --tries) {
        if (where.is_local()) {
            where = address::local(std::string(1, '\0') + "auto" + std::to_string(next_name_++));
        } else {
            where.set_port(next_port_);
            next_port_ = next_port_ == last_port ? first_port : static_cast<std::uint16_t>(next_port_ + 1);
        }
        if (!is_taken(e.type, where)) return bind(e, where);
    }
    throw_error(error_if_none, operation);
}

void simulated_network::state::unbind(endpoint& e) noexcept {
    if (!std::exchange(e.bound, false)) return;
    if (e.is_local()) {
        paths_.erase(std::string(e.local.path()));
        if (e.local.path().front() != '\0') left_paths_.emplace(e.local.path());
        return;
    }
    const auto there = ports_.find(e.bound_to);
    std::erase(there->second, &e);
    if (there->second.empty()) ports_.erase(there);
}

in_memory::endpoint* simulated_network::state::find_bound(int type, const address& at) const noexcept {
    if (at.is_local()) {
        const auto there = paths_.find(std::string(at.path()));
        return there != paths_.end() ? there->second : nullptr;
    }
    const auto there = ports_.find(port_key(type, at));
    if (there == ports_.end()) return nullptr;
    for (endpoint* const e : there->second)
        if (is_any(e->local) || is_any(at) || e->local == at) return e;
    return nullptr;
}

int simulated_network::state::why_nobody(const address& at) const noexcept {
    const bool no_file =
        at.is_local() && !at.path().empty() && at.path().front() != '\0' && !left_paths_.contains(at.path());
    return no_file ? ENOENT : ECONNREFUSED;
}

simulated_network::state::fate simulated_network::state::fate_of(const address& to) const noexcept {
    for (const auto& [where, f] : fates_) {
        address whole = to;
        if (where.port() == 0) whole.set_port(0);
        if (where == whole) return f;
    }
    return fate::reached;
}

void simulated_network::state::set_fate(const address& of, fate f) {
    std::erase_if(fates_, [&](const auto& known) { return known.first == of; });
    if (f != fate::reached) fates_.emplace_back(of, f);
}

// ----------------------------------------------------------------------------------------------------------- waiting

void simulated_network::state::wait(endpoint& e, side endpoint::*which, const char* operation) {
    (e.*which).wait(operation, [&] { return e.full_name(); });
    if (!e.open) throw closed_error(std::string(operation) + ": closed while it waited");
    agent::current().throw_if_cancelled();  // after it was told: it has taken nothing yet, and the next has the turn
}

bool simulated_network::state::is_ready(const endpoint& e, side endpoint::*which) const noexcept {
    return which == &endpoint::in ? e.readable() : e.writable(air.conditions.buffer);
}

void simulated_network::state::pass_on(endpoint& e, side endpoint::*which) noexcept {
    if ((e.*which).awaited() && e.open && is_ready(e, which)) (e.*which).tell_next();
}

/// It takes nothing, so it need not be its turn.
void simulated_network::state::wait_ready(io_handle handle, side endpoint::*which, const char* operation) {
    const auto e = checked(handle, operation);
    const turn mine{*this, *e, which};
    while (!is_ready(*e, which)) {
        if (const auto to = e->mail ? e->mail->peer.lock() : nullptr; to && which == &endpoint::out)
            wait_for_room(*e, *to);
        wait(*e, which, operation);
    }
}

}  // namespace crocus::testing
