#include "stream_state.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <sys/stat.h>

#include <crocus/wait_queue.hpp>

#include "read_room.hpp"

namespace crocus {

transport::state::state(socket over, std::shared_ptr<stream_protocol> p, kind what)
    : base_transport::state(std::move(over), std::move(p)), kind_(what) {
    require_reader(stream().get(), kind_);
    struct stat status {};
    if (const int native = socket_.descriptor().native(); native >= 0 && ::fstat(native, &status) == 0) {
        is_socket_ = S_ISSOCK(status.st_mode);
        is_watched_ = is_socket_ || S_ISFIFO(status.st_mode);
    }
}

void transport::state::require_reader(const stream_protocol* p, kind what) {
    if (p == nullptr) throw usage_error("a transport was given no protocol: its factory returned null");
    if (what == kind::write_pipe || dynamic_cast<const protocol*>(p) != nullptr ||
        dynamic_cast<const buffered_protocol*>(p) != nullptr)
        return;
    throw usage_error("a transport that reads needs a crocus::protocol or a crocus::buffered_protocol");
}

void transport::state::set_protocol(std::shared_ptr<stream_protocol> next) {
    require_reader(next.get(), kind_);
    if (!is_ended()) replace_protocol(std::move(next));
}

void transport::state::connection_made() {
    stream()->connection_made(transport(std::static_pointer_cast<state>(shared_from_this())));
}

// ------------------------------------------------------------------------------------------------------------- reading

void transport::state::resume_reading() noexcept {
    if (!reading_paused_ || is_closing()) return;
    reading_paused_ = false;
    changed_.notify_all();
}

bool transport::state::wants_input() const noexcept {
    if (kind_ == kind::write_pipe) return !is_closing() && is_watched_;
    return is_reading() && !at_end_;
}

/// What the protocol throws then is the end of the connection. (R12)
template <class F>
void transport::state::deliver(const char* method, F f) {
    try {
        f();
    } catch (const cancelled_error&) {
        throw;
    } catch (...) {
        fail(method);
    }
}

/// The protocol may be another one after each call, and the transport paused or closed.
void transport::state::read_once() {
    if (!may_be_ready_) {
        socket_.descriptor().wait_readable();
        may_be_ready_ = true;
        return;
    }
    const auto reader = stream();
    if (kind_ == kind::write_pipe)
        look_for_reader();
    else if (auto* const p = dynamic_cast<buffered_protocol*>(reader.get()))
        receive_into(*p);
    else
        receive();
    if (may_be_ready_ && !is_lost()) yield_now();  // a peer that sends without end is not alone here
}

std::optional<std::size_t> transport::state::try_receive(std::span<std::byte> into) {
    try {
        const auto n = socket_.try_recv(into);
        may_be_ready_ = n.has_value();
        return n;
    } catch (const std::system_error&) {
        fail("a transport's reading failed");
        return std::nullopt;
    }
}

void transport::state::receive() {
    read_room room(room_for_stream);
    const auto n = try_receive(room.bytes());
    if (!n) return;
    if (*n == 0) return reached_end();
    const auto p = std::static_pointer_cast<protocol>(stream());
    deliver("exception in a protocol's data_received", [&] { p->data_received(room.first(*n)); });
}

void transport::state::receive_into(buffered_protocol& p) {
    std::span<char> into;
    deliver("exception in a protocol's get_buffer", [&] {
        into = p.get_buffer(0);
        if (into.empty()) throw usage_error("a protocol's get_buffer returned an empty buffer");
    });
    if (is_lost()) return;
    const auto n = try_receive(std::as_writable_bytes(into));
    if (!n) return;
    if (*n == 0) return reached_end();
    may_be_ready_ = false;  // a buffer is asked for when there is something for it
    deliver("exception in a protocol's buffer_updated", [&] { p.buffer_updated(*n); });
}

void transport::state::reached_end() {
    bool keep = false;
    deliver("exception in a protocol's eof_received", [&] { keep = stream()->eof_received(); });
    at_end_ = true;
    if (!keep || kind_ != kind::connection) close();
}

/// A pipe without a reader can be read, of all things; and a socket whose peer is gone is at its end. (R20)
void transport::state::look_for_reader() {
    if (is_socket_) {
        read_room room(room_for_stream);
        const auto n = try_receive(room.bytes());
        if (!n || *n > 0) return;
    }
    if (has_output())
        lose(std::make_exception_ptr(std::system_error(EPIPE, std::generic_category(), "the pipe has no reader")),
             true);
    else
        close();
}

// ------------------------------------------------------------------------------------------------------------- writing

std::size_t transport::state::buffered() const noexcept {
    return is_lost() ? 0 : waiting_.size() + sending_.size() - sent_;
}

void transport::state::require_writable(const char* doing) const {
    const std::string what = doing;
    if (kind_ == kind::read_pipe) throw usage_error(what + ": this end of the pipe is read");
    if (sending_file_) throw usage_error(what + ": a send_file is in progress: wait for its end");
}

void transport::state::write(std::span<const std::string_view> pieces) {
    require_writable("write");
    if (eof_wanted_) throw usage_error("write: write_eof was called before");
    std::size_t all = 0;
    for (const std::string_view p : pieces) all += p.size();
    if (all == 0) return;
    if (is_lost()) return count_dropped();
    std::size_t sent = is_idle() ? send_now(pieces) : 0;
    if (is_lost() || sent == all) return;
    for (std::string_view p : pieces) {
        const std::size_t gone = std::min(sent, p.size());
        sent -= gone;
        waiting_.append(p.substr(gone));
    }
    added_output();
}

/// Returns how much the kernel has taken.
std::size_t transport::state::send_now(std::span<const std::string_view> pieces) {
    std::array<iovec, 64> batch;
    std::size_t all = 0;
    try {
        while (!pieces.empty()) {
            std::size_t used = 0;
            std::size_t size = 0;
            for (; !pieces.empty() && used < batch.size(); pieces = pieces.subspan(1)) {
                if (pieces.front().empty()) continue;
                batch[used++] = {const_cast<char*>(pieces.front().data()), pieces.front().size()};
                size += pieces.front().size();
            }
            if (used == 0) break;
            const auto n = socket_.try_send({batch.data(), used});
            all += n.value_or(0);
            if (n.value_or(0) < size) break;
        }
    } catch (const std::system_error&) {
        fail("a transport's writing failed");
    }
    return all;
}

void transport::state::send_some() {
    if (sent_ == sending_.size()) {
        sending_.clear();
        sending_.swap(waiting_);
        sent_ = 0;
    }
    const iovec piece{sending_.data() + sent_, sending_.size() - sent_};
    sent_ += socket_.send({&piece, 1});
    if (sent_ < sending_.size()) return;
    sending_ = std::string();
    sent_ = 0;
}

void transport::state::write_eof() {
    require_writable("write_eof");
    if (kind_ == kind::write_pipe) return close();
    if (is_closing() || eof_wanted_) return;
    eof_wanted_ = true;
    settle();
}

void transport::state::drained() noexcept {
    if (!eof_wanted_) return;
    try {
        socket_.shutdown_send();
    } catch (...) {
        fail("a transport could not tell its peer that no more comes");
    }
}

}  // namespace crocus
