#include <crocus/protocol.hpp>

#include <crocus/transport.hpp>

namespace crocus {

base_protocol::~base_protocol() = default;

void base_protocol::connection_lost(std::exception_ptr) {}
void base_protocol::pause_writing() {}
void base_protocol::resume_writing() {}

void stream_protocol::connection_made(transport) {}
bool stream_protocol::eof_received() { return false; }

void protocol::data_received(std::string_view) {}

void datagram_protocol::connection_made(datagram_transport) {}
void datagram_protocol::datagram_received(std::string_view, const address&) {}
void datagram_protocol::error_received(std::exception_ptr) {}

}  // namespace crocus
