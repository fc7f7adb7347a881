#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>

#include "../detail/file_sending.hpp"

namespace crocus {

namespace {

constexpr std::size_t pieces_without_allocation = 16;

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
    const std::uint64_t most = detail::bytes_to_send(count);
    const turn mine(*this);
    mine.require_writable();
    return detail::send_file([&](auto send) { return mine.sending(send); }, file, offset, most);
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
