// How a file is sent over a socket, of a stream or a transport: by the kernel, or read and sent where that cannot be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <crocus/io/socket.hpp>

namespace crocus::detail {

/// How many bytes are asked for; without a number, all there are.
///
/// Throws: usage_error   none are
std::uint64_t bytes_to_send(std::optional<std::uint64_t> count);

/// Reads once, on a thread, for that may take its time; 0 at the end of the file.
///
/// Suspends: until it has been read
/// Throws:   std::system_error
std::size_t read_file(int file, std::uint64_t offset, std::span<std::byte> into);

/// Where neither driver nor kernel can.
template <class Sending>
std::uint64_t send_file_copied(Sending sending, int file, std::uint64_t offset, std::uint64_t count) {
    constexpr std::uint64_t copied_at_once = std::uint64_t{256} << 10;
    std::vector<std::byte> room(static_cast<std::size_t>(std::min(count, copied_at_once)));
    std::uint64_t sent = 0;
    while (sent < count) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(count - sent, room.size()));
        const auto wanted = std::span(room).first(size);
        const auto got = wanted.first(read_file(file, offset + sent, wanted));
        if (got.empty()) break;
        sending([&](socket& to) { to.send_all(got); });
        sent += got.size();
    }
    return sent;
}

/// Sends up to the end of the file at most, and returns how much that was. `sending(f)` calls f(socket).
template <class Sending>
std::uint64_t send_file(Sending sending, int file, std::uint64_t offset, std::uint64_t count) {
    constexpr std::uint64_t sent_at_once = std::uint64_t{1} << 30;
    std::uint64_t sent = 0;
    while (sent < count) {
        const auto size = static_cast<std::size_t>(std::min(count - sent, sent_at_once));
        const std::optional<std::size_t> n =
            sending([&](socket& to) { return to.send_file(file, offset + sent, size); });
        if (!n) return sent + send_file_copied(sending, file, offset + sent, count - sent);
        if (*n == 0) break;
        sent += *n;
    }
    return sent;
}

}  // namespace crocus::detail
