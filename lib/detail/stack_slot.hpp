// How the end of a slot that holds a stack is divided.
#pragma once

#include <cstddef>
#include <cstdint>

#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace crocus::detail {

/// One mapping that stacks are carved from. It lies at the end of its first slot.
struct stack_chunk {
    stack_chunk* older = nullptr;
    std::byte* begin = nullptr;
    std::byte* next = nullptr;  // slots below it have been carved
    std::byte* end = nullptr;
    std::size_t slot_bytes = 0;
    bool guards_by_mprotect = false;
};

/// At the top of every stack: the link of a free one. While a fiber has the stack, `next` is the fiber's address plus
/// one, so an odd word is a fiber. It costs one store for each fiber, to a line that taking the stack has read.
struct stack_link {
    void* next = nullptr;
    std::uint32_t size = 0;  // usable bytes
    std::uint32_t slot_class = 0;
};

inline void set_fiber_on(const stack& s, fiber& f) noexcept {
    static_cast<stack_link*>(s.top())->next = reinterpret_cast<std::byte*>(&f) + 1;
}

inline constexpr std::size_t slot_reserved = 64;
inline constexpr std::size_t slot_colours = 16;  // 16 lines of 64 bytes: tops of stacks spread over 1 KiB of cache sets
inline constexpr std::size_t slot_colour_bytes = 64;
static_assert(sizeof(stack_link) + sizeof(stack_chunk) <= slot_reserved);

}  // namespace crocus::detail
