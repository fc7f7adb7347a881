// Memory for small things that are made and destroyed by the million.
#pragma once

#include <cstddef>
#include <new>

#include <crocus/config.hpp>
#include <crocus/detail/this_thread.hpp>

namespace crocus::detail {

CROCUS_EXPORT void* allocate_block_slowly(std::size_t size);
CROCUS_EXPORT void free_block_slowly(void* block, std::size_t size) noexcept;

/// Memory for an object of `Size` bytes.
///
/// Throws: std::bad_alloc
/// Thread: any; a block may be freed on another thread than the one it was allocated on
/// Cost:   a nanosecond; blocks of up to 1 KiB come from lists of the thread's own, unless they are to be aligned more
///         than operator new aligns. Under a sanitizer or valgrind all come from operator new, so that what is wrong
///         is seen.
template <std::size_t Size, std::size_t Alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__>
void* allocate_block() {
    if constexpr (Alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__) return ::operator new(Size, std::align_val_t(Alignment));
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

template <std::size_t Size, std::size_t Alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__>
void free_block(void* block) noexcept {
    if constexpr (Alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__)
        return ::operator delete(block, std::align_val_t(Alignment));
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
