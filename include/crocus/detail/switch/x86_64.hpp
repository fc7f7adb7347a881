// The switch for x86-64, System V.
#pragma once

namespace crocus::detail {

inline constexpr bool has_inline_switch = true;

/// While a flow is left.
struct saved_context {
    void* sp = nullptr;
    void* pc = nullptr;
    void* fp = nullptr;
    void* bx = nullptr;  // if clang compiled the switch
};

// No unwinder can know, between the two stacks, where it is: there, the end of the stack is what it is told.
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define CROCUS_BETWEEN_STACKS ".cfi_remember_state\n\t.cfi_undefined rip\n\t"
#define CROCUS_ON_A_STACK ".cfi_restore_state\n\t"
#define CROCUS_END_OF_STACK ".cfi_undefined rip"
#else
#define CROCUS_BETWEEN_STACKS
#define CROCUS_ON_A_STACK
#define CROCUS_END_OF_STACK ""
#endif

// In functions that align their frame clang keeps a base pointer in rbx, and does not save it for an asm that clobbers
// it. Whoever arrives finds its own context in rsi, so each side sees to this for itself.
#ifdef __clang__
#define CROCUS_SAVE_BASE_POINTER "movq %%rbx, 24(%0)\n\t"
#define CROCUS_RESTORE_BASE_POINTER "\n\tmovq 24(%1), %%rbx"
#define CROCUS_CLOBBERED_BASE_POINTER
#else
#define CROCUS_SAVE_BASE_POINTER
#define CROCUS_RESTORE_BASE_POINTER
#define CROCUS_CLOBBERED_BASE_POINTER , "rbx"
#endif

// The whole register file of the target, as far as the compiler may keep values in it. Only AMX tiles are not among it,
// since their configuration cannot be: who uses them must not let anybody else run in between.
#ifdef __AVX512F__
#define CROCUS_CLOBBERED_BY_AVX512                                                                                     \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",      \
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define CROCUS_CLOBBERED_BY_AVX512
#endif
#ifdef __APX_F__
#define CROCUS_CLOBBERED_BY_APX                                                                                        \
    , "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28", "r29", "r30", "r31"
#else
#define CROCUS_CLOBBERED_BY_APX
#endif
#define CROCUS_CLOBBERED                                                                                               \
    "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory",                         \
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",     \
        "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "mm0",         \
        "mm1", "mm2", "mm3", "mm4", "mm5", "mm6",                                                                      \
        "mm7" CROCUS_CLOBBERED_BASE_POINTER CROCUS_CLOBBERED_BY_AVX512 CROCUS_CLOBBERED_BY_APX

/// The red zone needs no care: nothing is pushed, and nobody writes below a stack that is left.
[[gnu::always_inline]] inline saved_context& switch_context(saved_context& from, const saved_context& to) noexcept {
    auto* f = &from;
    auto* t = &to;
    asm volatile(
        "leaq 1f(%%rip), %%rax\n\t"
        "movq %%rsp, 0(%0)\n\t"
        "movq %%rax, 8(%0)\n\t"
        "movq %%rbp, 16(%0)\n\t" CROCUS_SAVE_BASE_POINTER
        "movq 8(%1), %%rax\n\t" CROCUS_BETWEEN_STACKS
        "movq 16(%1), %%rbp\n\t"
        "movq 0(%1), %%rsp\n\t"
        "jmpq *%%rax\n\t" CROCUS_ON_A_STACK
        "1: endbr64" CROCUS_RESTORE_BASE_POINTER
        : "+D"(f), "+S"(t)
        :
        : CROCUS_CLOBBERED);
    return *f;  // whoever came here left its own `from` in this register
}

[[noreturn, gnu::always_inline]] inline void leave_context(const saved_context& to, void (*after)(void*) noexcept,
                                                           void* argument) noexcept {
    asm volatile(CROCUS_BETWEEN_STACKS
                 "movq 0(%0), %%rsp\n\t"
                 "movq (%%rsp), %%rcx\n\t"  // here valgrind notices the other stack, and then what is taken of it
                 "subq $128, %%rsp\n\t"     // the red zone of the function that goes on there
                 "andq $-16, %%rsp\n\t"
                 "xorl %%ebp, %%ebp\n\t"
                 "callq *%1\n\t"
                 "movq %0, %%rsi\n\t"
                 "movq %0, %%rdi\n\t"
                 "movq 8(%%rsi), %%rax\n\t"
                 "movq 16(%%rsi), %%rbp\n\t"
                 "movq 0(%%rsi), %%rsp\n\t"
                 "jmpq *%%rax\n\t" CROCUS_ON_A_STACK
                 :
                 : "b"(&to), "a"(after), "D"(argument)
                 : "memory");
    __builtin_unreachable();
}

/// Said first thing in a function that has no caller: unwinders stop here.
[[gnu::always_inline]] inline void mark_end_of_stack() noexcept { asm volatile(CROCUS_END_OF_STACK); }

/// `entry` finds the stack as after a call, with a return address and a frame pointer of 0: the end, for who walks it.
inline void prepare_context(saved_context& made, void* top, void (*entry)()) noexcept {
    auto* const sp = static_cast<void**>(top) - 1;
    *sp = nullptr;
    made = {sp, reinterpret_cast<void*>(entry), nullptr};
}

[[gnu::always_inline]] inline void* thread_state_address() noexcept {
    void* p;
    asm volatile(
        "movq crocus_thread_state@gottpoff(%%rip), %0\n\t"
        "addq %%fs:0, %0"
        : "=r"(p)
        :
        : "cc");
    return p;
}

/// True if the processor checks return addresses against a second stack, which the inline switch does not change.
inline bool has_shadow_stack() noexcept {
    unsigned long ssp = 0;
    asm volatile("rdsspq %0" : "+r"(ssp));  // a no-op where there is none
    return ssp != 0;
}

}  // namespace crocus::detail
