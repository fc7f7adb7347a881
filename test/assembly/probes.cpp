// For live.awk: one function for each class of registers, in a straight line, with eight values that live across a switch.
#include <crocus/detail/switch.hpp>

#include "support/live_values.hpp"

namespace {

using namespace crocus;

#define CROCUS_STRAIGHT [[gnu::always_inline]] inline

template <class Class>
CROCUS_STRAIGHT void probe(detail::saved_context& from, const detail::saved_context& to,
                           const typename Class::type* in, typename Class::type* out) {
    auto a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];
    const auto keep = [&]() __attribute__((always_inline)) {
        Class::keep(a), Class::keep(b), Class::keep(c), Class::keep(d);
        Class::keep(e), Class::keep(f), Class::keep(g), Class::keep(h);
    };
    keep();
    detail::switch_context(from, to);
    keep();
    out[0] = a, out[1] = b, out[2] = c, out[3] = d, out[4] = e, out[5] = f, out[6] = g, out[7] = h;
}

}  // namespace

#define CROCUS_PROBE(CLASS)                                                                        \
    extern "C" void probe_##CLASS(detail::saved_context& from, const detail::saved_context& to,    \
                                  const test::CLASS::type* in, test::CLASS::type* out) {           \
        probe<test::CLASS>(from, to, in, out);                                                     \
    }

CROCUS_PROBE(integers)
CROCUS_PROBE(doubles)
CROCUS_PROBE(long_doubles)
CROCUS_PROBE(vectors_16)
#ifdef __x86_64__
CROCUS_PROBE(mmx)
#endif
#ifdef __AVX__
CROCUS_PROBE(vectors_32)
#endif
#ifdef __AVX512F__
CROCUS_PROBE(vectors_64)
CROCUS_PROBE(masks)
#endif
#ifdef __ARM_FEATURE_SVE
extern "C" void probe_scalable(detail::saved_context& from, const detail::saved_context& to, const float* in, float* out) {
    svbool_t p = svptrue_b32(), q = svwhilelt_b32(0, 3), r = svwhilelt_b32(0, 5);
    svfloat32_t a = svld1_f32(p, in), b = svld1_f32(q, in + 1), c = svld1_f32(r, in + 2);
    const auto keep = [&]() __attribute__((always_inline)) {
        test::scalable_vectors::keep(a), test::scalable_vectors::keep(b), test::scalable_vectors::keep(c);
        test::predicates::keep(p), test::predicates::keep(q), test::predicates::keep(r);
    };
    keep();
    detail::switch_context(from, to);
    keep();
    svst1_f32(p, out, a);
    svst1_f32(q, out + 1, b);
    svst1_f32(r, out + 2, c);
}
#endif
