// Connections with buffered reading (asyncio's streams; one object for reader and writer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/connect.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/sync/semaphore.hpp>

namespace crocus {

struct stream_options {
    /// Bytes within which read_until and read_line must find their separator.
    std::size_t limit = std::size_t{64} << 10;
};

/// A connection. One task may read while another writes; a second reader is an error, writers take turns.
///
/// A cancelled read loses no byte: what had come stays in the stream for the next read. All reads and writes throw
///     std::system_error   the connection is broken
///     closed_error        the stream was closed here
///     cancelled_error     the task was cancelled
class CROCUS_EXPORT stream {
public:
    /// Takes over a connected socket.
    ///
    /// Throws: usage_error   the limit is 0 (S3)
    explicit stream(socket connected, stream_options options = {});

    /// Requires: nobody reads or writes it meanwhile.
    stream(stream&&) noexcept = default;
    stream& operator=(stream&&) noexcept = default;
    /// Closes it.
    ~stream() = default;

    /// All that is still to come, up to the end of the stream. (S4)
    std::string read();

    /// 1 to `n` bytes, as soon as there are any; nothing only at the end of the stream, or for n = 0. (S4)
    std::string read(std::size_t n);

    /// The same into a buffer; returns how many, 0 at the end. Copies nothing where the stream's own buffer is empty.
    std::size_t read_some(std::span<char> into);

    /// `n` bytes. (S7)
    ///
    /// Throws: incomplete_read_error   the stream ended first; carries what came
    std::string read_exactly(std::size_t n);

    /// All up to and including `separator`. (S6)
    ///
    /// Throws: incomplete_read_error   the stream ended first; carries what came
    ///         limit_overrun_error     no separator within the limit; the bytes stay
    ///         usage_error             the separator is empty
    std::string read_until(std::string_view separator);

    /// A line with its '\n'; the last one may lack it; nothing at the end of the stream. (S5)
    ///
    /// Throws: limit_overrun_error   no '\n' within the limit; what was looked at is gone, so that reading can go on
    std::string read_line();

    /// Sends all of `data`.
    ///
    /// Suspends: while the peer does not take more (back-pressure)
    /// After:    cancelled_error: a part may have been sent
    void write(std::string_view data);

    /// Sends the pieces one after the other, without joining them first: one system call where the kernel takes all.
    void write(std::initializer_list<std::string_view> pieces);

    /// Tells the peer that no more will come; reading goes on (half-close).
    void write_eof();

    /// Closes the connection: whoever reads or writes gets closed_error. Idempotent, suspends nobody.
    void close() noexcept;
    [[nodiscard]] bool is_closed() const noexcept { return !socket_.is_open(); }

    /// True if the end of the stream was met and everything before it has been read. (S8)
    [[nodiscard]] bool at_eof() const noexcept { return eof_ && buffered() == 0; }

    [[nodiscard]] address local_address() const { return socket_.local_address(); }
    [[nodiscard]] address remote_address() const { return socket_.remote_address(); }

private:
    class reading;

    [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size() - consumed_; }
    [[nodiscard]] std::string_view pending() const noexcept {
        return std::string_view(buffer_).substr(consumed_);
    }
    std::string take(std::size_t n);
    bool fill(std::size_t wanted);
    std::size_t receive_small();
    std::size_t receive_large(std::size_t size);
    std::size_t find(std::string_view separator);
    void send_all(std::span<iovec> pieces);

    socket socket_;
    stream_options options_;
    std::string buffer_;
    std::size_t consumed_ = 0;  // at the front of the buffer
    bool eof_ = false;
    bool more_is_there_ = false;  // the last receipt was all that was asked for
    bool being_read_ = false;
    std::unique_ptr<semaphore> write_turn_;  // apart, so that a stream can be moved
};

/// Connects to a host, as connect does. (S1)
///
/// Suspends: until one of its addresses accepts
/// Throws:   as connect
CROCUS_EXPORT stream open_connection(const std::string& host, std::uint16_t port, stream_options options = {},
                                     const connect_options& connecting = {});

}  // namespace crocus
