// Files over transports.
#include "../detail/file_sending.hpp"
#include "stream_state.hpp"

namespace crocus {

std::uint64_t transport::state::send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    const std::uint64_t most = detail::bytes_to_send(count);
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
        return detail::send_file([&](auto send) { return send(socket_); }, file, offset, most);
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

}  // namespace crocus
