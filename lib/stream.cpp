#include <crocus/stream.hpp>

#include <memory>
#include <system_error>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/timeout.hpp>

namespace crocus {

stream::stream(socket connected, stream_options options) : socket_(std::move(connected)), options_(options) {
    if (options_.limit == 0) throw usage_error("a stream's limit must be above 0");
}

stream::stream(fd connected, stream_options options) : stream(socket(std::move(connected)), options) {}

stream::stream(fd read_from, fd write_to, stream_options options) : stream(std::move(read_from), options) {
    second_ = socket(std::move(write_to));
    two_ = true;
}

stream::stream(stream&& other) noexcept
    : socket_(std::move(other.socket_)),
      second_(std::move(other.second_)),
      options_(other.options_),
      buffer_(std::exchange(other.buffer_, {})),
      consumed_(std::exchange(other.consumed_, 0)),
      broken_(std::move(other.broken_)),
      end_(other.end_),
      more_is_there_(other.more_is_there_),
      write_ended_(other.write_ended_),
      two_(other.two_) {}

stream& stream::operator=(stream&& other) noexcept {
    if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
    }
    return *this;
}

// ------------------------------------------------------------------------------------------------------------- the end

void stream::close() noexcept {
    socket_.close();
    second_.close();
}

void stream::abort() noexcept {
    socket_.abort();
    second_.abort();
}

bool stream::close_gracefully(duration limit, std::size_t most) {
    if (being_read_) throw usage_error("close_gracefully: another task reads the stream; let it read to the end (S9)");
    if (is_closed()) return end_ == end::met;
    struct closing {
        stream& of;
        ~closing() { of.close(); }
    } const closed_in_any_case{*this};
    try {
        const auto peer_ended = move_on_after(limit, [&] {
            write_eof();
            return is_closed() || drop_until_end(most);
        });
        if (peer_ended.value_or(false)) return true;
    } catch (const std::system_error&) {
        // it is broken: nobody is there to wait for
    } catch (const closed_error&) {
        return false;
    }
    abort();
    return false;
}

// ----------------------------------------------------------------------------------------------------------- addresses

namespace {

template <class Ask>
address address_of(Ask ask) {
    try {
        return ask();
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::not_a_socket) throw;
        throw usage_error("a stream over a pipe, or anything else that is no socket, has no address");
    }
}

}  // namespace

address stream::local_address() const {
    return address_of([&] { return socket_.local_address(); });
}

address stream::remote_address() const {
    return address_of([&] { return socket_.remote_address(); });
}

// ---------------------------------------------------------------------------------------------------------- connecting

stream open_connection(const std::string& host, std::uint16_t port, stream_options options,
                       const connect_options& connecting) {
    return stream(connect(host, port, connecting), options);
}

stream open_unix_connection(std::string_view path, stream_options options) {
    const address at = address::local(path);
    return stream(connect(std::span(&at, 1)), options);
}

}  // namespace crocus
