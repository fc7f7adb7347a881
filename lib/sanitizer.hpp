// What sanitizers must be told when a flow of control changes its stack.
//
// The hooks are weak: one build of the library serves plain programs, where they are null, and sanitized ones.
#pragma once

#include <cstddef>

#include <crocus/fiber.hpp>

extern "C" {
// NOLINTBEGIN: these names belong to the sanitizers' runtimes
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack_save, const void* bottom, std::size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom,
                                                           std::size_t* old_size);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_destroy_fiber(void* fiber);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
// NOLINTEND
}

namespace crocus::sanitizer {

inline bool present() noexcept {
    return &__sanitizer_start_switch_fiber != nullptr || &__tsan_switch_to_fiber != nullptr;
}

inline void unpoison(void* address, std::size_t size) noexcept {
    if (&__asan_unpoison_memory_region != nullptr) __asan_unpoison_memory_region(address, size);
}

using flow = detail::sanitizer_flow;

inline void create(flow& f, void* bottom, std::size_t size) {
    f.bottom = bottom;
    f.size = size;
    if (&__tsan_create_fiber != nullptr) f.tsan = __tsan_create_fiber(0);
}

inline void destroy(flow& f) noexcept {
    if (&__tsan_destroy_fiber != nullptr && f.tsan != nullptr) __tsan_destroy_fiber(f.tsan);
    f.tsan = nullptr;
}

/// Just before the switch. `last`: from will never be resumed.
inline void leave(flow& from, flow& to, bool last) noexcept {
    if (&__sanitizer_start_switch_fiber != nullptr)
        __sanitizer_start_switch_fiber(last ? nullptr : &from.fake_stack, to.bottom, to.size);
    if (&__tsan_switch_to_fiber != nullptr) {
        if (from.tsan == nullptr) from.tsan = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(to.tsan, 0);
    }
}

/// Just after it, on the new stack. A thread's own stack has bounds that only the runtime knows: they are learnt here.
inline void arrive(flow& here, flow& from) noexcept {
    if (&__sanitizer_finish_switch_fiber != nullptr)
        __sanitizer_finish_switch_fiber(here.fake_stack, &from.bottom, &from.size);
}

}  // namespace crocus::sanitizer
