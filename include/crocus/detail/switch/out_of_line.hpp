// Where there is no switch of our own: everything goes through Boost.Context, in the library.
#pragma once

#include <crocus/config.hpp>

namespace crocus::detail {

inline constexpr bool has_inline_switch = false;

struct saved_context {
    void* sp = nullptr;
};

inline saved_context& switch_context(saved_context&, const saved_context&) noexcept { __builtin_unreachable(); }
[[noreturn]] inline void leave_context(const saved_context&, void (*)(void*) noexcept, void*) noexcept {
    __builtin_unreachable();
}
inline void prepare_context(saved_context&, void*, void (*)()) noexcept { __builtin_unreachable(); }
inline void mark_end_of_stack() noexcept {}
inline bool has_shadow_stack() noexcept { return false; }

/// In the library: the compiler must not keep it across a switch.
CROCUS_EXPORT void* find_thread_state() noexcept;
inline void* thread_state_address() noexcept { return find_thread_state(); }

}  // namespace crocus::detail
