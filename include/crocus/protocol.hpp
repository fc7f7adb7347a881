// What a connection calls: protocols in callback style (asyncio.Protocol).
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string_view>

#include <crocus/config.hpp>
#include <crocus/io/address.hpp>

namespace crocus {

class transport;
class datagram_transport;

/// What all protocols have. Derive from protocol, buffered_protocol or datagram_protocol, and override what matters.
///
/// Except for pause_writing and what a sender's own call comes to, a transport calls its protocol in a task of its own,
/// one method after the other, in the context that it was made in: a method may suspend, and the transport reads
/// nothing meanwhile. An exception that leaves connection_made, connection_lost, pause_writing or resume_writing is
/// reported to the loop's exception handler, and the transport goes on. (P1, P7, R10)
class CROCUS_EXPORT base_protocol {
public:
    base_protocol() = default;
    base_protocol(const base_protocol&) = delete;
    base_protocol& operator=(const base_protocol&) = delete;
    virtual ~base_protocol();

    /// Called once, at the end, never inside close() or abort(); the descriptor is closed then. `why`: null, where this
    /// side closed or aborted it, or the peer's end was taken for that; else what broke it; a cancelled_error where the
    /// loop has ended first.
    virtual void connection_lost(std::exception_ptr why);

    /// The transport has more in its buffer than its high-water mark: whoever writes should stop. Called inside the
    /// write(), sendto() or set_write_buffer_limits() that brought it about, and must not suspend. What is written all
    /// the same is kept.
    virtual void pause_writing();
    /// The buffer is down to the low-water mark. The two take turns.
    virtual void resume_writing();
};

/// What both kinds of protocols of a byte stream have. One that is neither can only write: connect_write_pipe takes it.
class CROCUS_EXPORT stream_protocol : public base_protocol {
public:
    /// Called once, before all else.
    virtual void connection_made(transport made);

    /// The peer sends no more. True: the transport stays open for writing. False: it is closed. (R13)
    virtual bool eof_received();
};

/// Receives bytes as they come: connection_made, data_received any number of times, eof_received perhaps,
/// connection_lost. (P2)
class CROCUS_EXPORT protocol : public stream_protocol {
public:
    /// 1 byte to 256 KiB, cut anywhere. They are there until this returns. What it throws is reported, and ends the
    /// connection with connection_lost(that). (R12)
    virtual void data_received(std::string_view data);
};

/// Receives bytes into buffers of its own. (P3)
class CROCUS_EXPORT buffered_protocol : public stream_protocol {
public:
    /// Where to put what comes: not empty. `size_hint`: how much would be fine; 0: any size. It may be asked for again
    /// without a buffer_updated between.
    virtual std::span<char> get_buffer(std::size_t size_hint) = 0;
    /// `n` bytes are at the beginning of the buffer. What it throws is reported, and ends the connection.
    virtual void buffer_updated(std::size_t n) = 0;
};

/// Receives datagrams. (P4)
class CROCUS_EXPORT datagram_protocol : public base_protocol {
public:
    /// Called once, before all else.
    virtual void connection_made(datagram_transport made);

    /// What it throws is reported; the endpoint stays open.
    virtual void datagram_received(std::string_view data, const address& from);

    /// Something could not be sent or received: a std::system_error. The endpoint stays open. Where sendto() itself
    /// finds that out it is called there, and must not suspend.
    virtual void error_received(std::exception_ptr why);
};

}  // namespace crocus
