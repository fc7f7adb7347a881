// The switch for AArch64, AAPCS64.
#pragma once

namespace crocus::detail {

inline constexpr bool has_inline_switch = true;

/// While a flow is left.
struct saved_context {
    void* sp = nullptr;
    void* pc = nullptr;
    void* fp = nullptr;
    void* x19 = nullptr;  // if clang compiled the switch
};

// No unwinder can know, between the two stacks, where it is: there, the end of the stack is what it is told.
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define CROCUS_BETWEEN_STACKS ".cfi_remember_state\n\t.cfi_undefined x30\n\t"
#define CROCUS_ON_A_STACK ".cfi_restore_state\n\t"
#define CROCUS_END_OF_STACK ".cfi_undefined x30"
#else
#define CROCUS_BETWEEN_STACKS
#define CROCUS_ON_A_STACK
#define CROCUS_END_OF_STACK ""
#endif

// In functions that align their frame clang keeps a base pointer in x19, and does not save it for an asm that clobbers
// it. Whoever arrives finds its own context in x1, so each side sees to this for itself.
#ifdef __clang__
#define CROCUS_SAVE_BASE_POINTER "str x19, [%0, #24]\n\t"
#define CROCUS_RESTORE_BASE_POINTER "\n\tldr x19, [%1, #24]"
#define CROCUS_CLOBBERED_BASE_POINTER
#else
#define CROCUS_SAVE_BASE_POINTER
#define CROCUS_RESTORE_BASE_POINTER
#define CROCUS_CLOBBERED_BASE_POINTER , "x19"
#endif

// The whole register file of the target, as far as the compiler may keep values in it. x18 is one as any other on
// Linux. The SVE registers z0-z31 are v0-v31 to the compiler.
#if defined(__ARM_FEATURE_SVE) && !defined(__clang__)
#define CROCUS_CLOBBERED_BY_SVE                                                                                        \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15", "ffr"
#elif defined(__ARM_FEATURE_SVE)  // clang keeps nothing in ffr, and has no name for it
#define CROCUS_CLOBBERED_BY_SVE                                                                                        \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15"
#else
#define CROCUS_CLOBBERED_BY_SVE
#endif
#define CROCUS_CLOBBERED                                                                                               \
    "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",     \
        "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "cc", "memory", "v0", "v1", "v2", "v3",  \
        "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19",      \
        "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",                                   \
        "v31" CROCUS_CLOBBERED_BASE_POINTER CROCUS_CLOBBERED_BY_SVE

/// The jump is by x16, which may go to the start of a function as well as to a label (BTI). A function that starts
/// finds a return address of 0, for who walks the stack.
[[gnu::always_inline]] inline saved_context& switch_context(saved_context& from, const saved_context& to) noexcept {
    register saved_context* f asm("x0") = &from;
    register const saved_context* t asm("x1") = &to;
    asm volatile(
        "mov x9, sp\n\t"
        "adr x10, 1f\n\t"
        "stp x9, x10, [%0]\n\t"
        "str x29, [%0, #16]\n\t" CROCUS_SAVE_BASE_POINTER
        "ldp x9, x16, [%1]\n\t" CROCUS_BETWEEN_STACKS
        "ldr x29, [%1, #16]\n\t"
        "mov x30, xzr\n\t"
        "mov sp, x9\n\t"
        "br x16\n\t" CROCUS_ON_A_STACK
        "1: hint #36" CROCUS_RESTORE_BASE_POINTER  // bti j
        : "+r"(f), "+r"(t)
        :
        : CROCUS_CLOBBERED);
    return *f;  // whoever came here left its own `from` in this register
}

[[noreturn, gnu::always_inline]] inline void leave_context(const saved_context& to, void (*after)(void*) noexcept,
                                                           void* argument) noexcept {
    register void* a asm("x0") = argument;
    register const saved_context* t asm("x19") = &to;
    register void (*call)(void*) noexcept asm("x9") = after;
    asm volatile(CROCUS_BETWEEN_STACKS
                 "ldr x10, [%1]\n\t"
                 "mov sp, x10\n\t"
                 "mov x29, xzr\n\t"
                 "blr %2\n\t"
                 "mov x0, %1\n\t"
                 "mov x1, %1\n\t"
                 "ldp x9, x16, [x1]\n\t"
                 "ldr x29, [x1, #16]\n\t"
                 "mov x30, xzr\n\t"
                 "mov sp, x9\n\t"
                 "br x16\n\t" CROCUS_ON_A_STACK
                 :
                 : "r"(a), "r"(t), "r"(call)
                 : "memory");
    __builtin_unreachable();
}

/// Said first thing in a function that has no caller: unwinders stop here.
[[gnu::always_inline]] inline void mark_end_of_stack() noexcept { asm volatile(CROCUS_END_OF_STACK); }

/// `entry` finds a frame pointer and, from the switch, a return address of 0: the end, for who walks the stack.
inline void prepare_context(saved_context& made, void* top, void (*entry)()) noexcept {
    made = {top, reinterpret_cast<void*>(entry), nullptr};
}

[[gnu::always_inline]] inline void* thread_state_address() noexcept {
    void* p;
    unsigned long offset;
    asm volatile(
        "mrs %0, tpidr_el0\n\t"
        "adrp %1, :gottprel:crocus_thread_state\n\t"
        "ldr %1, [%1, #:gottprel_lo12:crocus_thread_state]\n\t"
        "add %0, %0, %1"
        : "=&r"(p), "=&r"(offset));
    return p;
}

/// True if the processor checks return addresses against a second stack, which the inline switch does not change.
inline bool has_shadow_stack() noexcept {
    register unsigned long off asm("x16") = 1;
    asm volatile("hint #40" : "+r"(off));  // chkfeat x16: clears bit 0 where a guarded control stack is on
    return off == 0;
}

}  // namespace crocus::detail
