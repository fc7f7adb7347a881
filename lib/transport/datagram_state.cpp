#include "datagram_state.hpp"

#include <system_error>

#include "read_room.hpp"

namespace crocus {

namespace {

constexpr std::size_t counted_as_header = 8;

std::span<const std::byte> bytes_of(std::string_view s) noexcept {
    return std::as_bytes(std::span(s.data(), s.size()));
}

void require_protocol(const datagram_protocol* p) {
    if (p == nullptr) throw usage_error("a datagram transport was given no protocol: its factory returned null");
}

}  // namespace

datagram_transport::state::state(socket over, std::shared_ptr<datagram_protocol> p, std::optional<address> peer,
                                 bool connected)
    : base_transport::state(std::move(over), std::move(p)), peer_(std::move(peer)), connected_(connected) {
    require_protocol(receiver().get());
}

void datagram_transport::state::set_protocol(std::shared_ptr<datagram_protocol> next) {
    require_protocol(next.get());
    if (!is_ended()) replace_protocol(std::move(next));
}

void datagram_transport::state::connection_made() {
    receiver()->connection_made(datagram_transport(std::static_pointer_cast<state>(shared_from_this())));
}

/// The endpoint stays open.
void datagram_transport::state::failed_to_transfer() {
    const auto p = receiver();
    call("exception in a protocol's error_received", [&] { p->error_received(std::current_exception()); });
}

void datagram_transport::state::read_once() {
    if (!may_be_ready_) {
        socket_.descriptor().wait_readable();
        may_be_ready_ = true;
        return;
    }
    {
        read_room room(room_for_datagram);
        std::optional<socket::received> got;
        try {
            got = socket_.try_recv_from(room.bytes());
            may_be_ready_ = got.has_value();
        } catch (const std::system_error&) {
            failed_to_transfer();
        }
        if (got) {
            const auto p = receiver();
            const std::string_view data = room.first(std::min(got->size, room.bytes().size()));
            call("exception in a protocol's datagram_received", [&] { p->datagram_received(data, got->from); });
        }
    }
    if (may_be_ready_ && !is_lost()) yield_now();
}

bool datagram_transport::state::try_send(std::string_view data, const address& to) {
    if (!connected_) return socket_.try_send_to(bytes_of(data), to);
    const iovec piece{const_cast<char*>(data.data()), data.size()};
    return socket_.try_send({&piece, 1}).has_value();
}

void datagram_transport::state::send(std::string_view data, const std::optional<address>& to) {
    if (peer_ && to && *to != *peer_)
        throw usage_error("sendto " + to->to_string() + ": this endpoint was made for " + peer_->to_string());
    if (!peer_ && !to) throw usage_error("sendto: an address is needed, since the endpoint was made for none");
    if (is_lost()) return count_dropped();
    const address& target = peer_ ? *peer_ : *to;
    if (is_idle()) {
        try {
            if (try_send(data, target)) return;
        } catch (const std::system_error&) {
            return failed_to_transfer();
        }
    }
    waiting_.push_back({std::string(data), target});
    waiting_bytes_ += data.size() + counted_as_header;
    added_output();
}

void datagram_transport::state::send_some() {
    const datagram& first = waiting_.front();
    try {
        if (connected_) {
            const iovec piece{const_cast<char*>(first.data.data()), first.data.size()};
            socket_.send({&piece, 1});
        } else {
            socket_.send_to(bytes_of(first.data), first.to);
        }
    } catch (const std::system_error&) {
        failed_to_transfer();
    }
    waiting_bytes_ -= first.data.size() + counted_as_header;
    waiting_.pop_front();
}

}  // namespace crocus
