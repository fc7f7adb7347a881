// Reading from a place in a file, for what is sent of it where neither driver nor kernel can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace crocus::detail {

/// Reads once, on a thread, for that may take its time; 0 at the end of the file.
///
/// Suspends: until it has been read
/// Throws:   std::system_error
std::size_t read_file(int file, std::uint64_t offset, std::span<std::byte> into);

}  // namespace crocus::detail
