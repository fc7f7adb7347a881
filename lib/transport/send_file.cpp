// Files over transports.
#include <algorithm>
#include <limits>

#include "../detail/file_reading.hpp"
#include "read_room.hpp"
#include "stream_state.hpp"

namespace crocus {

namespace {

constexpr std::uint64_t largest_piece = std::uint64_t{1} << 30;

}  // namespace

std::uint64_t transport::state::send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    if (count == 0) throw usage_error("send_file: the count must be above 0; leave it out to send all of the file");
    require_writable("send_file");
    if (eof_wanted_ || is_closing()) throw usage_error("send_file: the transport is closing, or write_eof was called");
    struct in_progress {  // close() is put off until its end
        state& of;
        explicit in_progress(state& s) noexcept : of(s) { of.sending_file_ = true; }
        ~in_progress() {
            of.sending_file_ = false;
            of.settle();
        }
    };
    const auto self = shared_from_this();
    const in_progress mark(*this);
    wait_until_sent();
    try {
        return send_pieces_of(file, offset, count.value_or(std::numeric_limits<std::uint64_t>::max()));
    } catch (const closed_error&) {
        throw_if_lost();
        throw;
    }
}

void transport::state::wait_until_sent() {
    while (!is_lost() && has_output()) changed_.wait();
    throw_if_lost();
}

void transport::state::throw_if_lost() const {
    if (!is_lost()) return;
    if (why_lost()) std::rethrow_exception(why_lost());
    throw closed_error("send_file: the transport was aborted, or its peer is gone");
}

std::uint64_t transport::state::send_pieces_of(int file, std::uint64_t offset, std::uint64_t count) {
    std::uint64_t sent = 0;
    while (sent < count) {
        const std::size_t n = send_piece_of(file, offset + sent, std::min(count - sent, largest_piece));
        if (n == 0) break;
        sent += n;
    }
    return sent;
}

/// 0 at the end of the file.
std::size_t transport::state::send_piece_of(int file, std::uint64_t offset, std::uint64_t most) {
    if (const auto n = socket_.send_file(file, offset, most)) return *n;
    return read_and_send(file, offset, most);
}

std::size_t transport::state::read_and_send(int file, std::uint64_t offset, std::uint64_t most) {
    read_room room(room_for_stream);
    const auto into = room.bytes().first(std::min<std::uint64_t>(room.bytes().size(), most));
    const std::size_t n = detail::read_file(file, offset, into);
    socket_.send_all(into.first(n));
    return n;
}

}  // namespace crocus
