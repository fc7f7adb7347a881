// Where a transport receives what a protocol is then shown: a connection that waits has none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace crocus {

class read_room {
public:
    explicit read_room(std::size_t size) : size_(size), chars_(std::make_unique_for_overwrite<char[]>(size)) {}

    [[nodiscard]] std::span<std::byte> bytes() noexcept {
        return std::as_writable_bytes(std::span(chars_.get(), size_));
    }
    [[nodiscard]] std::string_view first(std::size_t n) const noexcept { return {chars_.get(), n}; }

private:
    std::size_t size_;
    std::unique_ptr<char[]> chars_;
};

/// The allocator has a block of this size at hand when the last one was given back.
inline constexpr std::size_t room_for_stream = std::size_t{64} << 10;
/// What a datagram has at most, also a local one.
inline constexpr std::size_t room_for_datagram = std::size_t{256} << 10;

}  // namespace crocus
