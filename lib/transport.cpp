#include <crocus/transport.hpp>

#include <crocus/error.hpp>

#include "transport/datagram_state.hpp"
#include "transport/stream_state.hpp"

namespace crocus {

base_transport::state& base_transport::checked() const {
    if (!state_) throw usage_error("a transport was used that is none: connection_made gives one");
    return *state_;
}

void base_transport::close() const { checked().close(); }
void base_transport::abort() const { checked().abort(); }
bool base_transport::is_closing() const { return checked().is_closing(); }

const std::optional<address>& base_transport::local_address() const { return checked().local(); }
const std::optional<address>& base_transport::remote_address() const { return checked().remote(); }
const socket& base_transport::get_socket() const { return checked().get_socket(); }

void base_transport::set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) const {
    checked().set_limits(high, low);
}
base_transport::write_buffer_limits base_transport::get_write_buffer_limits() const { return checked().limits(); }
std::size_t base_transport::get_write_buffer_size() const { return checked().buffered(); }

// --------------------------------------------------------------------------------------------------------------
// streams

transport::transport(std::shared_ptr<state> s) noexcept : base_transport(std::move(s)) {}
transport::state& transport::own() const { return static_cast<state&>(checked()); }

void transport::pause_reading() const { own().pause_reading(); }
void transport::resume_reading() const { own().resume_reading(); }
bool transport::is_reading() const { return own().is_reading(); }
void transport::write(std::string_view data) const { own().write({&data, 1}); }
void transport::writelines(std::span<const std::string_view> pieces) const { own().write(pieces); }
void transport::write_eof() const { own().write_eof(); }
bool transport::can_write_eof() const { return own().can_write_eof(); }

std::uint64_t transport::send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count) const {
    return own().send_file(file, offset, count);
}

void transport::set_protocol(std::shared_ptr<stream_protocol> next) const { own().set_protocol(std::move(next)); }
std::shared_ptr<stream_protocol> transport::get_protocol() const { return own().stream(); }

transport transport::open(crocus::socket over, std::shared_ptr<stream_protocol> protocol, kind what,
                          const transport_options& options) {
    auto s = std::make_shared<state>(std::move(over), std::move(protocol), what);
    s->start(options);
    return transport(std::move(s));
}

// ------------------------------------------------------------------------------------------------------------
// datagrams

datagram_transport::datagram_transport(std::shared_ptr<state> s) noexcept : base_transport(std::move(s)) {}
datagram_transport::state& datagram_transport::own() const { return static_cast<state&>(checked()); }

void datagram_transport::sendto(std::string_view data, const std::optional<address>& to) const { own().send(data, to); }

void datagram_transport::set_protocol(std::shared_ptr<datagram_protocol> next) const {
    own().set_protocol(std::move(next));
}
std::shared_ptr<datagram_protocol> datagram_transport::get_protocol() const { return own().receiver(); }

datagram_transport datagram_transport::open(crocus::socket over, std::shared_ptr<datagram_protocol> protocol,
                                            std::optional<address> peer, bool connected,
                                            const transport_options& options) {
    auto s = std::make_shared<state>(std::move(over), std::move(protocol), std::move(peer), connected);
    s->start(options);
    return datagram_transport(std::move(s));
}

}  // namespace crocus
