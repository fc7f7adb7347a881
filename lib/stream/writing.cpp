#include <algorithm>
#include <array>
#include <limits>
#include <system_error>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>

#include "../detail/file_reading.hpp"

namespace crocus {

namespace {

constexpr std::size_t pieces_without_allocation = 16;
constexpr std::size_t copied_at_once = std::size_t{256} << 10;
constexpr std::uint64_t sent_at_once = std::uint64_t{1} << 30;

iovec piece(std::string_view s) { return {const_cast<char*>(s.data()), s.size()}; }

/// Drops what was sent from the front, and what is empty there. Returns what is left.
std::span<iovec> after(std::span<iovec> pieces, std::size_t sent) {
    while (!pieces.empty() && sent >= pieces.front().iov_len) {
        sent -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (!pieces.empty()) {
        pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
        pieces.front().iov_len -= sent;
    }
    return pieces;
}

/// The connection is gone in both directions. EPIPE says that of one alone; others are the file's, or pass.
bool is_the_end(const std::error_code& error) {
    return error == std::errc::connection_reset || error == std::errc::connection_aborted ||
           error == std::errc::timed_out || error == std::errc::host_unreachable ||
           error == std::errc::network_unreachable || error == std::errc::network_down;
}

}  // namespace

/// The right to write, which is handed from one to the next; and what may keep even him from it. After a close whoever
/// has it is woken, and hands it on to those who find that out.
class stream::turn {
public:
    explicit turn(stream& s) : stream_(s) {
        if (s.being_written_) [[unlikely]]
            s.writers_.wait();
        s.being_written_ = true;
    }
    ~turn() {
        if (!stream_.writers_.notify_one()) stream_.being_written_ = false;
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

    void require_writable() const {
        if (!stream_.socket_.descriptor().handle() || stream_.write_ended_ || stream_.broken_) [[unlikely]]
            refuse();
    }

    /// Calls what sends, and remembers what breaks the connection.
    template <class Send>
    auto sending(Send send) const {
        try {
            return send(stream_.sink());
        } catch (const std::system_error& e) {
            if (is_the_end(e.code())) stream_.broken_ = std::current_exception();
            throw;
        }
    }

    void send_all(std::span<iovec> rest) const {
        while (!rest.empty()) rest = after(rest, sending([&](socket& to) { return to.send(rest); }));
    }

private:
    [[noreturn]] void refuse() const {
        if (stream_.is_closed()) throw closed_error("write: the stream is closed, or belongs to another loop");
        if (stream_.broken_) std::rethrow_exception(stream_.broken_);
        throw usage_error("write: the stream's end has been sent already, by write_eof()");
    }

    stream& stream_;
};

void stream::send_all(std::span<iovec> pieces) {
    const turn mine(*this);
    mine.require_writable();
    mine.send_all(after(pieces, 0));
}

void stream::write(std::string_view data) {
    iovec one = piece(data);
    send_all({&one, 1});
}

void stream::write(std::initializer_list<std::string_view> pieces) {
    write(std::span(pieces.begin(), pieces.size()));
}

void stream::write(std::span<const std::string_view> pieces) {
    std::array<iovec, pieces_without_allocation> few;
    std::vector<iovec> many;
    if (pieces.size() > few.size()) many.resize(pieces.size());
    const std::span<iovec> all = many.empty() ? std::span(few).first(pieces.size()) : std::span(many);
    std::ranges::transform(pieces, all.begin(), piece);
    send_all(all);
}

std::uint64_t stream::send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count) {
    if (count == 0) throw usage_error("send_file: the count must be above 0; leave it out to send all of the file");
    const turn mine(*this);
    mine.require_writable();
    const std::uint64_t most = count.value_or(std::numeric_limits<std::uint64_t>::max());
    std::uint64_t sent = 0;
    while (sent < most) {
        const auto size = static_cast<std::size_t>(std::min(most - sent, sent_at_once));
        const auto n = mine.sending([&](socket& to) { return to.send_file(file, offset + sent, size); });
        if (!n) return sent + send_copied(mine, file, offset + sent, most - sent);
        if (*n == 0) break;
        sent += *n;
    }
    return sent;
}

/// Where neither driver nor kernel can.
std::uint64_t stream::send_copied(const turn& mine, int file, std::uint64_t offset, std::uint64_t count) {
    std::vector<char> room(static_cast<std::size_t>(std::min<std::uint64_t>(count, copied_at_once)));
    std::uint64_t sent = 0;
    while (sent < count) {
        const auto wanted = std::span(room).first(std::min<std::uint64_t>(count - sent, room.size()));
        const std::size_t n = detail::read_file(file, offset + sent, std::as_writable_bytes(wanted));
        if (n == 0) break;
        iovec one = piece({room.data(), n});
        mine.send_all({&one, 1});
        sent += n;
    }
    return sent;
}

void stream::write_eof() {
    const turn mine(*this);
    if (write_ended_) return;
    mine.require_writable();
    try {
        sink().shutdown_send();
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::not_a_socket) throw;
        sink().close();
    }
    write_ended_ = true;
}

}  // namespace crocus
