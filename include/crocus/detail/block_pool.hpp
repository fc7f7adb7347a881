// Memory for small things that are made and destroyed by the million.
#pragma once

#include <cstddef>

#include <crocus/config.hpp>

namespace crocus::detail {

/// Memory for one object of `size` bytes, aligned like operator new's.
///
/// Throws: std::bad_alloc
/// Thread: any; a block may be freed on another thread than the one it was allocated on
/// Cost:   a few nanoseconds; blocks of up to 1 KiB come from lists of the thread's own. Under a sanitizer all come from
///         operator new, so that it sees what is wrong.
CROCUS_EXPORT void* allocate_block(std::size_t size);

/// `size` as it was allocated.
CROCUS_EXPORT void free_block(void* block, std::size_t size) noexcept;

}  // namespace crocus::detail
