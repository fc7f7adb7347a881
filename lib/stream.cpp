#include <crocus/stream.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <vector>

#include <crocus/error.hpp>

namespace crocus {

namespace {

// A read that waits does so with a small chunk on its stack: thousands of waiting tasks must not have touched more. One
// that has much to take, or was told so by a full chunk, reads straight into the stream's buffer.
constexpr std::size_t small_read = std::size_t{2} << 10;
constexpr std::size_t least_large_read = std::size_t{16} << 10;
constexpr std::size_t largest_read = std::size_t{256} << 10;
constexpr std::size_t kept_when_empty = std::size_t{16} << 10;

void require_no_reader(bool being_read) {
    if (being_read)
        throw usage_error("a stream was read while another task was waiting for its data: one reader at a time (S9)");
}

std::span<std::byte> bytes_of(std::span<char> s) { return std::as_writable_bytes(s); }

/// Drops what was sent from the front. Returns what is left.
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

iovec piece(std::string_view s) { return {const_cast<char*>(s.data()), s.size()}; }

}  // namespace

/// Marks the stream as being read, while somebody does.
class stream::reading {
public:
    explicit reading(stream& s) : stream_(s) {
        require_no_reader(s.being_read_);
        s.being_read_ = true;
    }
    ~reading() { stream_.being_read_ = false; }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;

private:
    stream& stream_;
};

stream::stream(socket connected, stream_options options)
    : socket_(std::move(connected)), options_(options), write_turn_(std::make_unique<semaphore>(1)) {
    if (options_.limit == 0) throw usage_error("a stream's limit must be above 0");
}

void stream::close() noexcept { socket_.close(); }

// ------------------------------------------------------------------------------------------------------------- reading

std::string stream::take(std::size_t n) {
    std::string taken = buffer_.substr(consumed_, n);
    consumed_ += n;
    if (consumed_ != buffer_.size()) return taken;
    consumed_ = 0;
    buffer_.clear();
    if (buffer_.capacity() > kept_when_empty) buffer_ = std::string();
    return taken;
}

/// Reads some more into the buffer, of which `wanted` bytes are needed. False at the end of the stream. Only what was
/// received changes the buffer, so a cancellation in between loses nothing.
bool stream::fill(std::size_t wanted) {
    if (eof_) return false;
    if (consumed_ > 0) buffer_.erase(0, std::exchange(consumed_, 0));
    const bool large = wanted > small_read || more_is_there_;
    const std::size_t n = large ? receive_large(std::clamp(wanted, least_large_read, largest_read)) : receive_small();
    eof_ = n == 0;
    return !eof_;
}

std::size_t stream::receive_small() {
    std::array<char, small_read> chunk;
    const std::size_t n = socket_.recv(bytes_of(chunk));
    buffer_.append(chunk.data(), n);
    more_is_there_ = n == chunk.size();
    return n;
}

std::size_t stream::receive_large(std::size_t size) {
    struct room {  // at the end of the buffer; what is not used of it goes again
        std::string& buffer;
        std::size_t filled;
        ~room() { buffer.resize(filled); }
    } r{buffer_, buffer_.size()};
    buffer_.resize(r.filled + size);
    const std::size_t n = socket_.recv(bytes_of(std::span(buffer_).subspan(r.filled)));
    r.filled += n;
    more_is_there_ = n == size;
    return n;
}

std::string stream::read() {
    const reading mark(*this);
    while (fill(least_large_read)) {
    }
    return take(buffered());
}

std::string stream::read(std::size_t n) {
    const reading mark(*this);
    if (n == 0) return {};
    if (buffered() == 0) fill(n);
    return take(std::min(n, buffered()));
}

std::size_t stream::read_some(std::span<char> into) {
    const reading mark(*this);
    if (into.empty() || eof_) return 0;
    if (buffered() == 0) {
        const std::size_t n = socket_.recv(bytes_of(into));
        eof_ = n == 0;
        return n;
    }
    const std::size_t n = std::min(into.size(), buffered());
    return take(n).copy(into.data(), n);
}

std::string stream::read_exactly(std::size_t n) {
    const reading mark(*this);
    while (buffered() < n) {
        if (!fill(n - buffered())) throw incomplete_read_error(take(buffered()), n);
    }
    return take(n);
}

/// The length of what ends with the separator; 0 if the stream ends before it.
std::size_t stream::find(std::string_view separator) {
    std::size_t from = 0;
    for (;;) {
        if (const std::size_t at = pending().find(separator, from); at != std::string_view::npos) {
            if (at > options_.limit) throw limit_overrun_error("separator found, but beyond the stream's limit", at);
            return at + separator.size();
        }
        if (buffered() >= separator.size()) from = buffered() - separator.size() + 1;
        if (from > options_.limit) throw limit_overrun_error("no separator within the stream's limit", from);
        if (!fill(1)) return 0;
    }
}

std::string stream::read_until(std::string_view separator) {
    const reading mark(*this);
    if (separator.empty()) throw usage_error("read_until: the separator must not be empty");
    const std::size_t length = find(separator);
    if (length == 0) throw incomplete_read_error(take(buffered()), 0);
    return take(length);
}

std::string stream::read_line() {
    const reading mark(*this);
    try {
        const std::size_t length = find("\n");
        return take(length != 0 ? length : buffered());
    } catch (const limit_overrun_error& e) {
        const bool complete = e.consumed() < buffered() && pending()[e.consumed()] == '\n';
        take(complete ? e.consumed() + 1 : buffered());
        throw;
    }
}

// ------------------------------------------------------------------------------------------------------------- writing

void stream::send_all(std::span<iovec> pieces) {
    write_turn_->acquire();
    struct turn {
        semaphore& s;
        ~turn() { s.release(); }
    } const mine{*write_turn_};
    while (!(pieces = after(pieces, 0)).empty()) pieces = after(pieces, socket_.send(pieces));
}

void stream::write(std::string_view data) {
    iovec one = piece(data);
    send_all({&one, 1});
}

void stream::write(std::initializer_list<std::string_view> pieces) {
    std::vector<iovec> all;
    all.reserve(pieces.size());
    for (const std::string_view p : pieces) all.push_back(piece(p));
    send_all(all);
}

void stream::write_eof() { socket_.shutdown_send(); }

// ---------------------------------------------------------------------------------------------------------- connecting

stream open_connection(const std::string& host, std::uint16_t port, stream_options options,
                       const connect_options& connecting) {
    return stream(connect(host, port, connecting), options);
}

}  // namespace crocus
