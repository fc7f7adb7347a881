// Values of every class of register, kept from the compiler's eyes, and a flow that overwrites every register.
#pragma once

#include <cstdint>

#ifdef __x86_64__
#include <immintrin.h>
#endif
#ifdef __ARM_FEATURE_SVE
#include <arm_sve.h>
#endif

namespace crocus::test {

template <int Bytes>
using floats __attribute__((vector_size(Bytes))) = float;

/// What the compiler may keep in one class of registers, and the constraint that puts it there.
#define CROCUS_REGISTER_CLASS(NAME, TYPE, CONSTRAINT)                                                               \
    struct NAME {                                                                                                   \
        using type = TYPE;                                                                                          \
        [[gnu::always_inline]] static void keep(type& value) noexcept { asm volatile("" : "+" CONSTRAINT(value)); } \
    };
#ifdef __x86_64__
CROCUS_REGISTER_CLASS(integers, std::uint64_t, "r")
CROCUS_REGISTER_CLASS(doubles, double, "v")
CROCUS_REGISTER_CLASS(long_doubles, long double, "t")
CROCUS_REGISTER_CLASS(mmx, __m64, "y")
CROCUS_REGISTER_CLASS(vectors_16, floats<16>, "v")
#ifdef __AVX__
CROCUS_REGISTER_CLASS(vectors_32, floats<32>, "v")
#endif
#ifdef __AVX512F__
CROCUS_REGISTER_CLASS(vectors_64, floats<64>, "v")
CROCUS_REGISTER_CLASS(masks, __mmask16, "k")
#endif
#else
CROCUS_REGISTER_CLASS(integers, std::uint64_t, "r")
CROCUS_REGISTER_CLASS(doubles, double, "w")
CROCUS_REGISTER_CLASS(long_doubles, long double, "w")
CROCUS_REGISTER_CLASS(vectors_16, floats<16>, "w")
#ifdef __ARM_FEATURE_SVE
CROCUS_REGISTER_CLASS(scalable_vectors, svfloat32_t, "w")
CROCUS_REGISTER_CLASS(predicates, svbool_t, "Upa")
#endif
#endif
#undef CROCUS_REGISTER_CLASS

/// Overwrites every register that this code is compiled to use.
[[gnu::noinline]] inline void scribble() noexcept {
#ifdef __x86_64__
    asm volatile(
        "fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi\n\t"
        "fstp %%st; fstp %%st; fstp %%st; fstp %%st; fstp %%st; fstp %%st; fstp %%st; fstp %%st\n\t"
        "pcmpeqd %%mm0, %%mm0; movq %%mm0, %%mm1; movq %%mm0, %%mm2; movq %%mm0, %%mm3; movq %%mm0, %%mm4\n\t"
        "movq %%mm0, %%mm5; movq %%mm0, %%mm6; movq %%mm0, %%mm7; emms"
        :
        :
        : "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5",
          "mm6", "mm7");
#if defined(__AVX512F__)
    asm volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
        "vpternlogd $255, %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t.endr\n\t"
        ".irp n,0,1,2,3,4,5,6,7\n\tkxnorw %%k\\n, %%k\\n, %%k\\n\n\t.endr"
        :
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
          "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6",
          "k7");
#elif defined(__AVX__)
    asm volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
        "vcmptrueps %%ymm\\n, %%ymm\\n, %%ymm\\n\n\t.endr"
        :
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15");
#else
    asm volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
        "pcmpeqd %%xmm\\n, %%xmm\\n\n\t.endr"
        :
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15");
#endif
    asm volatile(".irp r,rax,rbx,rcx,rdx,rsi,rdi,r8,r9,r10,r11,r12,r13,r14,r15\n\tmovq $-1, %%\\r\n\t.endr"
                 :
                 :
                 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                   "cc");
#else
#ifdef __ARM_FEATURE_SVE
    asm volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
        "mov z\\n\\().b, #-1\n\t.endr\n\t"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tptrue p\\n\\().b\n\t.endr"
        :
        :
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
          "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "p0",
          "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15");
#else
    asm volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
        "movi v\\n\\().16b, #255\n\t.endr"
        :
        :
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
          "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
#endif
    asm volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28\n\tmov x\\n, #-1\n\t.endr"
        :
        :
        : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
          "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28");
#endif
}

}  // namespace crocus::test
