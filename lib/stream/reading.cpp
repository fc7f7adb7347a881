#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>

namespace crocus {

namespace {

// A read that waits does so with a small chunk on its stack, and no buffer: thousands of waiting tasks must not have
// touched more. Only a full receipt tells that there is more, which is read straight into the stream's buffer then.
constexpr std::size_t small_read = std::size_t{2} << 10;
constexpr std::size_t least_large_read = std::size_t{16} << 10;
constexpr std::size_t largest_read = std::size_t{256} << 10;
constexpr std::size_t kept_when_empty = 512;

std::span<std::byte> bytes_of(std::span<char> s) { return std::as_writable_bytes(s); }

/// Where a separator is.
struct place {
    std::size_t start = std::string_view::npos;
    std::size_t end = std::string_view::npos;
};

/// Of the separators, the one that ends first; of those that end there the shortest.
place first_of(std::span<const std::string_view> separators, std::string_view in, std::size_t from) {
    place first;
    for (const std::string_view s : separators) {
        const std::size_t start = in.find(s, from);
        if (start == std::string_view::npos) continue;
        const std::size_t end = start + s.size();
        if (end < first.end || (end == first.end && start > first.start)) first = {start, end};
    }
    return first;
}

// Apart, for the room that messages take is taken on the stack of every task that waits in here.
[[noreturn, gnu::cold]] void throw_misuse(const char* message) { throw usage_error(message); }
[[noreturn, gnu::cold]] void throw_overrun(const char* message, std::size_t consumed) {
    throw limit_overrun_error(message, consumed);
}

/// The longest one's size.
std::size_t checked_separators(std::span<const std::string_view> separators) {
    std::size_t longest = 0;
    for (const std::string_view s : separators) {
        if (s.empty()) throw_misuse("read_until: a separator must not be empty");
        longest = std::max(longest, s.size());
    }
    if (longest == 0) throw_misuse("read_until: no separator was given");
    return longest;
}

}  // namespace

/// Marks the stream as being read, while somebody does.
class stream::reading {
public:
    explicit reading(stream& s) : stream_(s) {
        if (s.being_read_) [[unlikely]]
            throw_misuse("a stream was read while another task was waiting for its data: one reader at a time (S9)");
        s.being_read_ = true;
    }
    ~reading() { stream_.being_read_ = false; }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;

private:
    stream& stream_;
};

// ---------------------------------------------------------------------------------------------------------- the buffer

void stream::drop(std::size_t n) {
    consumed_ += n;
    if (consumed_ != buffer_.size()) return;
    consumed_ = 0;
    buffer_.clear();
    if (!more_is_there_ && buffer_.capacity() > kept_when_empty) buffer_ = std::string();
}

std::string stream::take(std::size_t n) {
    if (n == buffer_.size() && 2 * n >= buffer_.capacity()) return std::exchange(buffer_, {});  // nothing is consumed
    std::string taken = buffer_.substr(consumed_, n);
    drop(n);
    return taken;
}

/// Receives at least one byte, or 0 at the end of the stream.
std::size_t stream::receive(std::span<char> into) {
    if (end_ != end::open) [[unlikely]]
        return receive_nothing();
    try {
        const std::size_t n = socket_.recv(bytes_of(into));
        more_is_there_ = n == into.size();
        if (n != 0) [[likely]]
            return n;
    } catch (const std::system_error&) {
        broken_ = std::current_exception();
    }
    // What a write has met is not reported a second time by the kernel: what it gives as an end is none.
    end_ = broken_ ? end::failed : end::met;
    return receive_nothing();
}

std::size_t stream::receive_nothing() {
    if (end_ == end::failed) std::rethrow_exception(broken_);
    return 0;
}

/// Reads some more into the buffer. False at the end of the stream. Only what was received changes what is in the buffer,
/// so a cancellation in between loses nothing.
bool stream::fill() {
    if (consumed_ > 0) buffer_.erase(0, std::exchange(consumed_, 0));
    if (more_is_there_) return receive_large() != 0;
    if (buffer_.capacity() > 4 * buffer_.size() + kept_when_empty) buffer_.shrink_to_fit();
    return receive_small() != 0;
}

std::size_t stream::receive_small() {
    std::array<char, small_read> chunk;
    const std::size_t n = receive(chunk);
    buffer_.append(chunk.data(), n);
    return n;
}

std::size_t stream::receive_large() {
    struct room {  // at the end of the buffer; what is not used of it goes again
        std::string& buffer;
        std::size_t filled;
        ~room() { buffer.resize(filled); }
    } r{buffer_, buffer_.size()};
    buffer_.resize(r.filled + std::clamp(r.filled, least_large_read, largest_read));
    const std::size_t n = receive(std::span(buffer_).subspan(r.filled));
    r.filled += n;
    return n;
}

// ------------------------------------------------------------------------------------------------------------- reading

std::string stream::read() {
    const reading mark(*this);
    while (fill()) {
    }
    return take(buffered());
}

std::string stream::read(std::size_t n) {
    const reading mark(*this);
    if (n == 0) return {};
    if (buffered() == 0) fill();
    return take(std::min(n, buffered()));
}

std::size_t stream::read_some(std::span<char> into) {
    const reading mark(*this);
    if (buffered() == 0) [[likely]]
        return into.empty() ? 0 : receive(into);
    const std::size_t n = pending().copy(into.data(), into.size());
    drop(n);
    return n;
}

std::string stream::read_exactly(std::size_t n) {
    const reading mark(*this);
    while (buffered() < n) {
        if (!fill()) throw incomplete_read_error(take(buffered()), n);
    }
    return take(n);
}

void stream::read_exactly(std::span<char> into) {
    const reading mark(*this);
    std::size_t got = pending().copy(into.data(), into.size());
    drop(got);
    try {
        while (got < into.size()) {
            const std::size_t n = receive(into.subspan(got));
            if (n == 0) break;
            got += n;
        }
    } catch (...) {
        buffer_.assign(into.data(), got);  // it was empty: all of it had been taken
        throw;
    }
    if (got < into.size()) throw incomplete_read_error(std::string(into.data(), got), into.size());
}

/// The length of what ends with the first of the separators; 0 if the stream ends before it.
std::size_t stream::find(std::span<const std::string_view> separators, std::optional<std::size_t> limit) {
    const std::size_t longest = checked_separators(separators);
    const std::size_t most = limit.value_or(options_.limit);
    if (most == 0) throw_misuse("a limit must be above 0");
    for (std::size_t from = 0;;) {
        if (const place p = first_of(separators, pending(), from); p.start != std::string_view::npos) {
            if (p.start > most) throw_overrun("separator found, but beyond the limit", p.start);
            return p.end;
        }
        if (buffered() >= longest) from = buffered() - longest + 1;
        if (from > most) throw_overrun("no separator within the limit", from);
        if (!fill()) return 0;
    }
}

std::string stream::read_until(std::span<const std::string_view> separators, std::optional<std::size_t> limit) {
    const reading mark(*this);
    const std::size_t length = find(separators, limit);
    if (length == 0) throw incomplete_read_error(take(buffered()), 0);
    return take(length);
}

std::string stream::read_until(std::initializer_list<std::string_view> separators, std::optional<std::size_t> limit) {
    return read_until(std::span(separators.begin(), separators.size()), limit);
}

std::string stream::read_until(std::string_view separator, std::optional<std::size_t> limit) {
    return read_until(std::span<const std::string_view>(&separator, 1), limit);
}

std::string stream::read_line(std::optional<std::size_t> limit) {
    constexpr std::string_view line_end = "\n";
    const reading mark(*this);
    try {
        const std::size_t length = find({&line_end, 1}, limit);
        return take(length != 0 ? length : buffered());
    } catch (const limit_overrun_error& e) {
        const bool complete = e.consumed() < buffered() && pending()[e.consumed()] == line_end.front();
        drop(complete ? e.consumed() + line_end.size() : buffered());
        throw;
    }
}

/// False if more than so many bytes came before the end.
bool stream::drop_until_end(std::size_t most) {
    const reading mark(*this);
    std::array<char, small_read> chunk;
    std::size_t dropped = buffered();
    drop(dropped);
    while (dropped <= most) {
        const std::size_t n = receive(chunk);
        if (n == 0) return true;
        dropped += n;
    }
    return false;
}

}  // namespace crocus
