#include "worker_pipe.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace crocus::detail {

namespace {

struct header {
    std::uint32_t magic;
    message_kind kind;
    std::uint64_t name_size;
    std::uint64_t body_size;
};

constexpr std::uint32_t magic = 0x6f726331;  // tells a message from what a stray write left in the socket

bool peer_is_gone(int error) noexcept { return error == EPIPE || error == ECONNRESET; }
bool would_block(int error) noexcept { return error == EAGAIN || error == EINTR; }

}  // namespace

worker_pipe::~worker_pipe() { ::close(fd_); }

bool worker_pipe::send(message_kind kind, std::string_view name, std::string_view body) {
    header h{magic, kind, name.size(), body.size()};
    std::array<iovec, 3> pieces{{{&h, sizeof(h)},
                                 {const_cast<char*>(name.data()), name.size()},
                                 {const_cast<char*>(body.data()), body.size()}}};
    return send_all(pieces);
}

std::optional<message> worker_pipe::receive() {
    header h{};
    if (!receive_all(reinterpret_cast<char*>(&h), sizeof(h))) return std::nullopt;
    if (h.magic != magic)
        throw std::runtime_error(
            "something else than crocus wrote to the socket between a process pool and its worker");
    message m{h.kind, std::string(h.name_size, '\0'), std::string(h.body_size, '\0')};
    if (!receive_all(m.name.data(), m.name.size()) || !receive_all(m.body.data(), m.body.size())) return std::nullopt;
    return m;
}

bool worker_pipe::send_all(std::span<iovec> pieces) {
    while (!pieces.empty()) {
        msghdr packet{};
        packet.msg_iov = pieces.data();
        packet.msg_iovlen = pieces.size();
        ssize_t sent = ::sendmsg(fd_, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (peer_is_gone(errno)) return false;
            if (!would_block(errno))
                throw std::system_error(errno, std::system_category(), "send between a process pool and its worker");
            if (!wait(POLLOUT)) return false;
            continue;
        }
        while (!pieces.empty() && static_cast<std::size_t>(sent) >= pieces.front().iov_len) {
            sent -= static_cast<ssize_t>(pieces.front().iov_len);
            pieces = pieces.subspan(1);
        }
        if (pieces.empty()) break;
        pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
        pieces.front().iov_len -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool worker_pipe::receive_all(char* bytes, std::size_t size) {
    bool peer_has_ended = false;
    while (size > 0) {
        const ssize_t received = ::recv(fd_, bytes, size, MSG_DONTWAIT);
        if (received > 0) {
            bytes += received;
            size -= static_cast<std::size_t>(received);
        } else if (received == 0 || peer_is_gone(errno)) {
            return false;
        } else if (!would_block(errno)) {
            throw std::system_error(errno, std::system_category(), "recv between a process pool and its worker");
        } else if (peer_has_ended) {
            return false;
        } else {
            peer_has_ended = !wait(POLLIN);  // it may have left a last message: look once more
        }
    }
    return true;
}

/// False if the peer's process has ended and the socket is not ready.
bool worker_pipe::wait(short events) {
    std::array<pollfd, 2> polled{{{fd_, events, 0}, {watched_, POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) < 0)
        if (errno != EINTR) throw std::system_error(errno, std::system_category(), "poll");
    return polled[0].revents != 0;
}

}  // namespace crocus::detail
