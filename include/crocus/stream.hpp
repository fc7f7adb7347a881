// Connections with buffered reading (asyncio's streams; one object for reader and writer).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/connect.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

struct stream_options {
    /// Bytes within which read_until and read_line must find their separator, unless they are told otherwise.
    std::size_t limit = std::size_t{64} << 10;
};

/// A connection: a TCP or a Unix socket, or what is read and written like one, a pipe or a terminal.
///
/// One task may read while others write; a second reader is an error, writers take turns. All reads and writes throw
///     std::system_error   the connection is broken; each one after that throws it again
///     closed_error        the stream was closed here, before or meanwhile
///     cancelled_error     the task was cancelled
///     usage_error         another task reads; or nothing may be written after write_eof()
///
/// A read that throws loses no byte, unless the stream has ended or a line was too long: what had come stays for the next,
/// also after close(). While nothing comes the stream holds no buffer.
///
/// Thread: the loop's own. One that is destroyed after its loop was closed with it.
class CROCUS_EXPORT stream {
public:
    /// Takes over a connected socket.
    ///
    /// Throws: usage_error   the limit is 0 (S3)
    explicit stream(socket connected, stream_options options = {});

    /// Takes over a descriptor: a connected socket, an end of a pipe, a terminal. (S18)
    explicit stream(fd connected, stream_options options = {});

    /// Two as one: what is read comes from the one, what is written goes to the other.
    stream(fd read_from, fd write_to, stream_options options = {});

    /// Requires: nobody reads or writes it meanwhile.
    stream(stream&& other) noexcept;
    stream& operator=(stream&& other) noexcept;

    /// Closes it. (S15)
    ///
    /// Requires: nobody reads or writes it
    ~stream() = default;

    // --------------------------------------------------------------------------------------------------------- reading

    /// All that is still to come, up to the end of the stream. (S4)
    std::string read();

    /// 1 to `n` bytes, as soon as there are any; nothing only at the end of the stream, or for n = 0. (S4)
    std::string read(std::size_t n);

    /// The same into a buffer; returns how many, 0 at the end. Copies nothing where the stream's own buffer is empty.
    std::size_t read_some(std::span<char> into);

    /// `n` bytes. (S7)
    ///
    /// Throws: incomplete_read_error   the stream ended first; carries what came
    /// Cost:   memory for what has come, not for what is to come
    std::string read_exactly(std::size_t n);

    /// As many as `into` has room for. Copies nothing where the stream's own buffer is empty.
    ///
    /// Throws: incomplete_read_error
    /// After:  any other exception: what has come is in the stream again
    void read_exactly(std::span<char> into);

    /// All up to and including `separator`. (S6) `limit` is the stream's unless given.
    ///
    /// Throws: incomplete_read_error   the stream ended first; carries what came
    ///         limit_overrun_error     more than `limit` bytes before the separator; all bytes stay
    ///         usage_error             the separator is empty, or the limit is 0
    std::string read_until(std::string_view separator, std::optional<std::size_t> limit = {});

    /// The same with several: up to the end of the one that ends first; of those that end there, the shortest. (S6)
    ///
    /// Throws: usage_error   there is none
    std::string read_until(std::initializer_list<std::string_view> separators, std::optional<std::size_t> limit = {});
    std::string read_until(std::span<const std::string_view> separators, std::optional<std::size_t> limit = {});

    /// A line with its '\n'; the last one may lack it; nothing at the end of the stream. (S5)
    ///
    /// Throws: limit_overrun_error   no '\n' within the limit; what was looked at is gone, so that reading can go on
    std::string read_line(std::optional<std::size_t> limit = {});

    class line_range;

    /// The lines that are still to come, as read_line gives them. (S10)
    ///
    ///     for (const std::string& line : s.lines()) answer(line);
    ///
    /// Requires: the stream stays where it is until the range is gone
    [[nodiscard]] line_range lines(std::optional<std::size_t> limit = {});

    /// True if the end of the stream was met and everything before it has been read. (S8)
    [[nodiscard]] bool at_eof() const noexcept { return end_ == end::met && buffered() == 0; }

    // --------------------------------------------------------------------------------------------------------- writing

    /// Sends all of `data`.
    ///
    /// Suspends: while others write, and while the peer does not take more (back-pressure)
    /// After:    cancelled_error: a part may have been sent
    void write(std::string_view data);

    /// Sends the pieces one after the other, without joining them first: one system call where the kernel takes all.
    ///
    /// Cost: an allocation, if there are more than 16
    void write(std::initializer_list<std::string_view> pieces);
    void write(std::span<const std::string_view> pieces);

    /// Sends `count` bytes of a file, from `offset` on, or what there is up to its end; returns how many. They do not pass
    /// through this process where driver and file allow that; elsewhere a thread reads them. The file's own position
    /// is neither used nor moved. (L48, L49)
    ///
    /// Suspends: as write
    /// Throws:   usage_error   the count is 0
    ///           std::system_error   it cannot be read
    std::uint64_t send_file(int file, std::uint64_t offset = 0, std::optional<std::uint64_t> count = {});

    /// Tells the peer that no more will come; reading goes on (half-close). What is no socket is closed. Idempotent.
    ///
    /// Suspends: while others write
    void write_eof();

    // --------------------------------------------------------------------------------------------------------- the end

    /// Closes the connection: whoever reads or writes gets closed_error. Idempotent, suspends nobody; nothing has to be
    /// waited for afterwards (S13). The kernel goes on sending what was written. If something that had come was not
    /// read, TCP resets the connection instead, and the peer may lose what was sent last: see close_gracefully().
    void close() noexcept;

    /// The same; the peer is told that the connection was broken off (ECONNRESET), and nothing more is sent.
    void abort() noexcept;

    /// write_eof(), then reads and drops what still comes until the peer ends too, then close(). If the peer does not
    /// end within `limit`, or sends more than `most` bytes, abort(). False then, and where the connection is broken.
    ///
    /// Suspends: for `limit` at most
    /// Throws:   cancelled_error   and it is closed;   usage_error   another task reads
    /// After:    it is closed
    bool close_gracefully(duration limit = std::chrono::seconds(5), std::size_t most = std::size_t{1} << 20);

    [[nodiscard]] bool is_closed() const noexcept { return !socket_.is_open(); }

    /// Throws: usage_error   it is no socket;   closed_error
    [[nodiscard]] address local_address() const;
    [[nodiscard]] address remote_address() const;

    /// For its options. What is read from it directly is missing here.
    [[nodiscard]] socket& get_socket() noexcept { return socket_; }

private:
    class reading;
    class turn;
    enum class end : unsigned char { open, met, failed };  // of what is read

    [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size() - consumed_; }
    [[nodiscard]] std::string_view pending() const noexcept {
        return std::string_view(buffer_).substr(consumed_);
    }
    std::string take(std::size_t n);
    void drop(std::size_t n);
    std::size_t receive(std::span<char> into);
    std::size_t receive_nothing();
    bool fill();
    std::size_t receive_small();
    std::size_t receive_large();
    std::size_t find(std::span<const std::string_view> separators, std::optional<std::size_t> limit);

    [[nodiscard]] socket& sink() noexcept { return two_ ? second_ : socket_; }
    void send_all(std::span<iovec> pieces);
    bool drop_until_end(std::size_t most);

    socket socket_;  // what is read, and written unless there is a second
    socket second_;
    stream_options options_;
    std::string buffer_;
    std::size_t consumed_ = 0;  // at the front of the buffer
    std::exception_ptr broken_;  // what the connection failed with
    end end_ = end::open;
    bool more_is_there_ = false;  // the last receipt was all that was asked for
    bool being_read_ = false;
    bool being_written_ = false;
    bool write_ended_ = false;
    bool two_ = false;  // descriptors
    wait_queue writers_;
};

/// The lines of a stream; an input range.
class stream::line_range {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;

        explicit iterator(line_range& of) noexcept : of_(&of) {}
        [[nodiscard]] std::string& operator*() const noexcept { return of_->line_; }
        iterator& operator++() {
            of_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return (*i).empty(); }

    private:
        line_range* of_;
    };

    /// Reads the first one.
    [[nodiscard]] iterator begin() {
        next();
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    friend class stream;
    line_range(stream& of, std::optional<std::size_t> limit) noexcept : stream_(of), limit_(limit) {}
    void next() { line_ = stream_.read_line(limit_); }

    stream& stream_;
    std::optional<std::size_t> limit_;
    std::string line_;
};

inline stream::line_range stream::lines(std::optional<std::size_t> limit) { return {*this, limit}; }

/// Connects to a host, as connect does. (S1)
///
/// Suspends: until one of its addresses accepts
/// Throws:   as connect
CROCUS_EXPORT stream open_connection(const std::string& host, std::uint16_t port, stream_options options = {},
                                     const connect_options& connecting = {});

/// Connects to a Unix socket. A path that begins with '\0' is abstract. (S1, L41)
///
/// Suspends: until there is room in the listener's queue
/// Throws:   std::system_error   nobody listens there; the message has the path;   usage_error   the path is too long
CROCUS_EXPORT stream open_unix_connection(std::string_view path, stream_options options = {});

}  // namespace crocus
