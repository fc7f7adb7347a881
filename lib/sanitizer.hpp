// What sanitizers and valgrind must be told of stacks, and when a flow of control changes its own.
//
// The hooks are weak: one build of the library serves plain programs, where they are null, and sanitized ones. valgrind
// runs plain programs: it is told if its header was there when the library was built.
#pragma once

#include <cstddef>

#include <crocus/fiber.hpp>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

extern "C" {
// NOLINTBEGIN: these names belong to the sanitizers' runtimes
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack_save, const void* bottom, std::size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom,
                                                           std::size_t* old_size);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
__attribute__((weak)) void __lsan_register_root_region(const void* begin, std::size_t size);
__attribute__((weak)) void __lsan_unregister_root_region(const void* begin, std::size_t size);
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_destroy_fiber(void* fiber);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
// NOLINTEND
}

// For what tells ThreadSanitizer of a switch: it would enter the function in one flow and leave it in the other, which
// for a new one is a frame less than none.
#ifdef __clang__
#define CROCUS_NOT_INSTRUMENTED clang::disable_sanitizer_instrumentation
#else
#define CROCUS_NOT_INSTRUMENTED gnu::no_sanitize_thread
#endif

namespace crocus::sanitizer {

inline bool present() noexcept {
    return &__sanitizer_start_switch_fiber != nullptr || &__tsan_switch_to_fiber != nullptr;
}

using flow = detail::sanitizer_flow;

#ifdef VALGRIND_STACK_REGISTER
inline bool under_valgrind() noexcept {
    static const bool yes = RUNNING_ON_VALGRIND != 0;
    return yes;
}

inline void make_undefined(void* address, std::size_t size) noexcept {
    if (under_valgrind()) static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(address, size));
}

/// Without this valgrind must guess what is a switch and what is a very large frame.
inline unsigned register_stack(void* bottom, std::size_t size) noexcept {
    return under_valgrind() ? VALGRIND_STACK_REGISTER(bottom, static_cast<std::byte*>(bottom) + size) : 0;
}
inline void deregister_stack(unsigned number) noexcept {
    if (under_valgrind()) VALGRIND_STACK_DEREGISTER(number);
}
#else
inline bool under_valgrind() noexcept { return false; }
inline void make_undefined(void*, std::size_t) noexcept {}
inline unsigned register_stack(void*, std::size_t) noexcept { return 0; }
inline void deregister_stack(unsigned) noexcept {}
#endif

/// A stack begins anew: frames that were left, not returned from, leave poison behind; and what lay below the last one
/// is nobody's to valgrind, though the new stack may begin there.
inline void begin_stack(void* bottom, std::size_t size) noexcept {
    if (&__asan_unpoison_memory_region != nullptr) __asan_unpoison_memory_region(bottom, size);
    make_undefined(bottom, size);
}

/// True if somebody looks at every block and stack of this process.
inline bool watching() noexcept { return present() || &__lsan_register_root_region != nullptr || under_valgrind(); }

/// A fiber was made on this stack. What it will hold is no leak while it is left.
inline void create(flow& f, void* bottom, std::size_t size) {
    f.bottom = bottom;
    f.size = size;
    f.valgrind_stack = register_stack(bottom, size);
    if (&__tsan_create_fiber != nullptr) f.tsan = __tsan_create_fiber(0);
    if (&__lsan_register_root_region != nullptr) __lsan_register_root_region(bottom, size);
}

/// The fiber is no more. `bottom` and `size` are those it was made with: f's are learnt anew at switches.
inline void destroy(flow& f, void* bottom, std::size_t size) noexcept {
    deregister_stack(f.valgrind_stack);
    if (&__tsan_destroy_fiber != nullptr && f.tsan != nullptr) __tsan_destroy_fiber(f.tsan);
    f.tsan = nullptr;
    if (&__lsan_unregister_root_region != nullptr) __lsan_unregister_root_region(bottom, size);
}

/// Just before the switch. `last`: from will never be resumed.
[[CROCUS_NOT_INSTRUMENTED]] inline void leave(flow& from, flow& to, bool last) noexcept {
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
