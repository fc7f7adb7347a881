// Who is on the stack of a fiber that was left.
#include <crocus/fiber.hpp>

#include <cstdint>

#include <unwind.h>

namespace crocus {

namespace {

struct found_frames {
    std::span<void*> into;
    std::uintptr_t after_begin, after_end;  // what lies further in is our own
    bool ours = true;
    std::size_t count = 0;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* argument) {
    auto& found = *static_cast<found_frames*>(argument);
    const auto pc = static_cast<std::uintptr_t>(_Unwind_GetIP(context));
    if (pc == 0 || found.count == found.into.size()) return _URC_END_OF_STACK;
    if (!found.ours)
        found.into[found.count++] = reinterpret_cast<void*>(pc);
    else if (pc > found.after_begin && pc <= found.after_end)
        found.ours = false;
    return _URC_NO_REASON;
}

}  // namespace

// Calls callback(argument) as if whoever was left in the saved context had called this function: it tells unwinders to
// take the caller's stack pointer, address and registers from there. The address is one more than the one to go on at,
// which is the first that has the caller's frame: unwinders look before a return address.
#if defined(__GCC_HAVE_DWARF2_CFI_ASM) && defined(__x86_64__) && defined(__LP64__)
asm(R"(
        .text
        .globl  crocus_call_as_saved
        .hidden crocus_call_as_saved
        .type   crocus_call_as_saved, @function
crocus_call_as_saved:
        .cfi_startproc
        endbr64
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        movq    %rdi, %rbx
        movq    %rdx, %rdi
        .cfi_remember_state
        .cfi_escape 0x0f, 0x03, 0x73, 0x00, 0x06                    # the stack pointer: *rbx
        .cfi_escape 0x16, 0x10, 0x05, 0x73, 0x08, 0x06, 0x23, 0x01  # the address: *(rbx + 8) + 1
        .cfi_escape 0x16, 0x06, 0x03, 0x73, 0x10, 0x06              # rbp: *(rbx + 16)
        .cfi_escape 0x16, 0x03, 0x03, 0x73, 0x18, 0x06              # rbx: *(rbx + 24)
        callq   *%rsi
        nop
        .cfi_restore_state
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        ret
        .cfi_endproc
        .size   crocus_call_as_saved, . - crocus_call_as_saved
        .globl  crocus_end_of_call_as_saved
        .hidden crocus_end_of_call_as_saved
crocus_end_of_call_as_saved:
)");
#define CROCUS_CAN_CALL_AS_SAVED
#elif defined(__GCC_HAVE_DWARF2_CFI_ASM) && defined(__aarch64__) && defined(__LP64__)
asm(R"(
        .text
        .globl  crocus_call_as_saved
        .hidden crocus_call_as_saved
        .type   crocus_call_as_saved, %function
crocus_call_as_saved:
        .cfi_startproc
        hint    #34
        stp     x29, x30, [sp, #-32]!
        .cfi_def_cfa_offset 32
        .cfi_offset x29, -32
        .cfi_offset x30, -24
        str     x19, [sp, #16]
        .cfi_offset x19, -16
        mov     x19, x0
        mov     x0, x2
        .cfi_remember_state
        .cfi_escape 0x0f, 0x03, 0x83, 0x00, 0x06
        .cfi_escape 0x16, 0x1e, 0x05, 0x83, 0x08, 0x06, 0x23, 0x01
        .cfi_escape 0x16, 0x1d, 0x03, 0x83, 0x10, 0x06
        .cfi_escape 0x16, 0x13, 0x03, 0x83, 0x18, 0x06
        blr     x1
        nop
        .cfi_restore_state
        ldr     x19, [sp, #16]
        ldp     x29, x30, [sp], #32
        .cfi_restore x19
        .cfi_restore x29
        .cfi_restore x30
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   crocus_call_as_saved, . - crocus_call_as_saved
        .globl  crocus_end_of_call_as_saved
        .hidden crocus_end_of_call_as_saved
crocus_end_of_call_as_saved:
)");
#define CROCUS_CAN_CALL_AS_SAVED
#endif

#ifdef CROCUS_CAN_CALL_AS_SAVED
extern "C" {
void crocus_call_as_saved(const void* context, void (*callback)(void*), void* argument);
void crocus_end_of_call_as_saved();
}
#endif

std::size_t fiber::frames(std::span<void*> into) const noexcept {
#ifdef CROCUS_CAN_CALL_AS_SAVED
    if constexpr (detail::has_inline_switch) {
        if (context_.pc == nullptr) return 0;  // over Boost.Context, whose frame is its own
        found_frames found{into, reinterpret_cast<std::uintptr_t>(&crocus_call_as_saved),
                           reinterpret_cast<std::uintptr_t>(&crocus_end_of_call_as_saved)};
        crocus_call_as_saved(
            &context_, [](void* f) { _Unwind_Backtrace(&add_frame, f); }, &found);
        return found.count;
    }
#endif
    return 0;
}

[[gnu::noinline]] std::size_t fiber::frames_of_caller(std::span<void*> into) noexcept {
    const auto caller = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    found_frames found{into, caller - 1, caller};
    _Unwind_Backtrace(&add_frame, &found);
    return found.count;
}

}  // namespace crocus
