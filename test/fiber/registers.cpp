// What the compiler keeps in registers is the same after a switch as before, whatever the other flow did to them.
//
// b2 test-all builds it for more processors and at every optimization; assembly/ has those that it cannot run on.
#define BOOST_TEST_MODULE fiber_registers
#include <crocus/fiber.hpp>

#include <cfloat>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include <unistd.h>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <crocus/generator.hpp>

#include "support/live_values.hpp"

namespace {

using crocus::fiber;
using namespace crocus::test;

#ifdef __x86_64__
/// Before anything else of this program, none of whose code the processor may know.
[[gnu::constructor(101), gnu::target("arch=x86-64")]] void require_the_processor_it_is_compiled_for() {
    __builtin_cpu_init();
    bool known = true;
#ifdef __AVX2__
    known = known && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
#ifdef __AVX512F__
    known = known && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#endif
#ifdef __AVX512FP16__
    known = false;  // no compiler's __builtin_cpu_supports knows it everywhere
#endif
    if (known) return;
    std::fputs("skipped: this processor cannot run it; assembly/ looks at it instead\n", stderr);
    ::_exit(0);
}
#endif

/// A flow that overwrites every register each time it is entered.
class scribbler {
public:
    fiber& itself() noexcept { return *fiber_; }
    void end() noexcept {
        ending_ = true;
        fiber_->enter();
    }

private:
    static void run(fiber&, void* argument) {
        auto& self = *static_cast<scribbler*>(argument);
        while (!self.ending_) {
            scribble();
            self.back_.enter();
        }
        fiber::exit_to(
            self.back_, [](void* ended) noexcept { static_cast<scribbler*>(ended)->fiber_.reset(); }, argument);
    }

    fiber& back_ = fiber::current();
    bool ending_ = false;
    std::optional<fiber> fiber_{std::in_place, crocus::stack(crocus::stack::default_size()), &run, this};
};

/// The n-th value of a type: no two are alike, and none is what scribble() leaves.
template <class Class>
[[gnu::noinline]] typename Class::type value(unsigned char n) {
    typename Class::type made{};
    std::memset(&made, n, sizeof made);
    if constexpr (std::is_same_v<Class, doubles> || std::is_same_v<Class, long_doubles>)
        made = n + typename Class::type(0.25);
    return made;
}

template <class Class>
[[gnu::noinline]] bool is(typename Class::type found, unsigned char n) {
    const typename Class::type expected = value<Class>(n);
    constexpr std::size_t padding = std::is_same_v<Class, long_doubles> && LDBL_MANT_DIG == 64 ? 6 : 0;
    return std::memcmp(&found, &expected, sizeof expected - padding) == 0;
}

/// Eight values, since that many fit the smallest class, live across three switches.
template <class Class>
[[gnu::noinline]] bool kept(fiber& other) {
    const auto made = [](unsigned char n) { return value<Class>(n); };
    auto a = made(1), b = made(2), c = made(3), d = made(4), e = made(5), f = made(6), g = made(7), h = made(8);
    const auto keep = [&]() __attribute__((always_inline)) {
        Class::keep(a), Class::keep(b), Class::keep(c), Class::keep(d);
        Class::keep(e), Class::keep(f), Class::keep(g), Class::keep(h);
    };
    for (int i = 0; i != 3; ++i) {
        keep();
        other.enter();
        keep();
    }
    const bool all = is<Class>(a, 1) && is<Class>(b, 2) && is<Class>(c, 3) && is<Class>(d, 4) && is<Class>(e, 5) &&
                     is<Class>(f, 6) && is<Class>(g, 7) && is<Class>(h, 8);
#ifdef __x86_64__
    if constexpr (std::is_same_v<Class, mmx>) _mm_empty();
#endif
    return all;
}

#ifdef __ARM_FEATURE_SVE
/// The same for types that have no size.
[[gnu::noinline]] bool scalable_kept(fiber& other) {
    const svbool_t all = svptrue_b32();
    svfloat32_t a = svdup_f32(1), b = svdup_f32(2), c = svdup_f32(3), d = svdup_f32(4);
    svbool_t p = svwhilelt_b32(0, 1), q = svwhilelt_b32(0, 2), r = svwhilelt_b32(0, 3);
    const auto keep = [&]() __attribute__((always_inline)) {
        scalable_vectors::keep(a), scalable_vectors::keep(b), scalable_vectors::keep(c), scalable_vectors::keep(d);
        predicates::keep(p), predicates::keep(q), predicates::keep(r);
    };
    for (int i = 0; i != 3; ++i) {
        keep();
        other.enter();
        keep();
    }
    return svaddv_f32(p, a) == 1 && svaddv_f32(q, b) == 4 && svaddv_f32(r, c) == 9 &&
           svaddv_f32(all, d) == 4 * static_cast<float>(svcntw());
}
#endif

/// In such a frame a compiler needs a register of its own to find the locals.
[[gnu::noinline]] bool locals_found_again(fiber& other, std::size_t size) {
    alignas(128) unsigned char aligned[128];
    auto* const dynamic = static_cast<unsigned char*>(__builtin_alloca(size));
    std::memset(aligned, 1, sizeof aligned);
    std::memset(dynamic, 2, size);
    asm volatile("" : : "r"(aligned), "r"(dynamic) : "memory");
    other.enter();
    for (const unsigned char c : aligned)
        if (c != 1) return false;
    for (std::size_t i = 0; i != size; ++i)
        if (dynamic[i] != 2) return false;
    return reinterpret_cast<std::uintptr_t>(aligned) % 128 == 0;
}

using classes = boost::mpl::list<integers, doubles, long_doubles, vectors_16
#ifdef __x86_64__
                                 ,
                                 mmx
#endif
#ifdef __AVX__
                                 ,
                                 vectors_32
#endif
#ifdef __AVX512F__
                                 ,
                                 vectors_64, masks
#endif
                                 >;

crocus::generator<long double> halves(long double from) {
    return [from](auto& yield) {
        for (long double x = from;; x = x / 2 + 1) yield(x);
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(values_of_every_register_class_live_across_a_switch, Class, classes) {
    scribbler other;
    BOOST_TEST(kept<Class>(other.itself()));
    other.end();
}

#ifdef __ARM_FEATURE_SVE
BOOST_AUTO_TEST_CASE(scalable_vectors_and_predicates_live_across_a_switch) {
    scribbler other;
    BOOST_TEST(scalable_kept(other.itself()));
    other.end();
}
#endif

BOOST_AUTO_TEST_CASE(a_frame_with_aligned_and_dynamic_locals_finds_them_again) {
    scribbler other;
    for (const std::size_t size : {1, 100, 5000}) BOOST_TEST(locals_found_again(other.itself(), size));
    other.end();
}

BOOST_AUTO_TEST_CASE(generators_of_long_double_take_turns) {
    auto a = halves(1e300L), b = halves(3);
    long double x = 1e300L, y = 3, sum = 0, expected = 0;
    for (int i = 0; i != 100; ++i) {
        expected += x + y;
        sum += *a.next() + *b.next();
        x = x / 2 + 1;
        y = y / 2 + 1;
    }
    BOOST_TEST(sum == expected);
}
