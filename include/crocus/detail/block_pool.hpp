// Memory for small things that are made and destroyed by the million.
#pragma once

#include <cstddef>

#include <crocus/config.hpp>
#include <crocus/detail/this_thread.hpp>

namespace crocus::detail {

CROCUS_EXPORT void* allocate_block_slowly(std::size_t size);
CROCUS_EXPORT void free_block_slowly(void* block, std::size_t size) noexcept;

/// Memory for an object of `Size` bytes, aligned like operator new's.
///
/// Throws: std::bad_alloc
/// Thread: any; a block may be freed on another thread than the one it was allocated on
/// Cost:   a nanosecond; blocks of up to 1 KiB come from lists of the thread's own. Under a sanitizer or valgrind all
/// come from
///         operator new, so that what is wrong is seen.
template <std::size_t Size>
void* allocate_block() {
    if constexpr (Size <= largest_block) {
        block_list& list = this_thread().blocks[(Size - 1) / block_unit];
        if (void* const block = list.head; block != nullptr) [[likely]] {
            list.head = *static_cast<void**>(block);
            ++list.room;
            return block;
        }
    }
    return allocate_block_slowly(Size);
}

template <std::size_t Size>
void free_block(void* block) noexcept {
    if constexpr (Size <= largest_block) {
        block_list& list = this_thread().blocks[(Size - 1) / block_unit];
        if (list.room != 0) [[likely]] {
            *static_cast<void**>(block) = list.head;
            list.head = block;
            --list.room;
            return;
        }
    }
    free_block_slowly(block, Size);
}

}  // namespace crocus::detail
