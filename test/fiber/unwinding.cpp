// Who walks the stack of a fiber comes to its end and no further, at every instruction: backtrace(), profilers, gdb.
//
// Not for sanitizers, whose own frames stand between. Compiled with frame pointers.
#define BOOST_TEST_MODULE fiber_unwinding
#include <crocus/fiber.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <execinfo.h>
#include <sys/time.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <crocus/generator.hpp>

#include "support/code_ranges.hpp"
#include "support/flow.hpp"

namespace {

using crocus::generator;
using crocus::test::code_ranges;
using crocus::test::flow;

std::vector<void*> frames() {
    std::vector<void*> found(200);
    found.resize(static_cast<std::size_t>(::backtrace(found.data(), static_cast<int>(found.size()))));
    return found;
}

/// Frame by frame, by frame pointers alone; empty if the chain leaves the stack.
[[gnu::noinline]] std::vector<void*> frames_by_frame_pointers(const crocus::stack& on) {
    std::vector<void*> found;
    for (auto* frame = static_cast<void**>(__builtin_frame_address(0)); frame != nullptr;
         frame = static_cast<void**>(frame[0])) {
        if (frame < on.bottom() || frame >= on.top()) return {};
        found.push_back(frame[1]);
    }
    return found;
}

/// f() at the bottom of `depth` frames.
template <class F>
[[gnu::noinline]] void deep(int depth, const F& f) {
    if (depth == 0)
        f();
    else
        deep(depth - 1, f);
    asm volatile("");  // no tail call
}

bool all_code(const std::vector<void*>& found) {
    const code_ranges code;
    for (void* address : found)
        if (!code.has(address)) return false;
    return true;
}

/// What signal handlers look at, and what they found.
struct {
    const code_ranges* code = nullptr;
    volatile std::sig_atomic_t signals = 0;
    volatile std::sig_atomic_t garbage = 0;
    volatile std::sig_atomic_t endless = 0;
} seen;

void look_around(int) {
    std::array<void*, 64> found;
    const int count = ::backtrace(found.data(), found.size());
    for (int i = 0; i != count; ++i)
        if (!seen.code->has(found[static_cast<std::size_t>(i)])) seen.garbage = seen.garbage + 1;
    if (count == found.size()) seen.endless = seen.endless + 1;
    seen.signals = seen.signals + 1;
}

/// look_around at each signal of this kind, while it lives.
class watched {
public:
    explicit watched(int signal) : signal_(signal) {
        seen.code = &code_;
        seen.signals = 0;
        seen.garbage = 0;
        seen.endless = 0;
        struct sigaction action {};
        action.sa_handler = look_around;
        action.sa_flags = SA_RESTART;
        ::sigaction(signal_, &action, &before_);
    }
    ~watched() { ::sigaction(signal_, &before_, nullptr); }

private:
    const std::vector<void*> loaded_ = frames();  // backtrace loads its library when it is first called
    const code_ranges code_;
    int signal_;
    struct sigaction before_ {};
};

generator<int> count_to(int end) {
    return [end](auto& yield) {
        for (int i = 0; i != end; ++i) yield(i);
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE(backtrace_ends_at_a_fibers_entry) {
    std::array<std::vector<void*>, 3> found;
    for (int depth = 0; depth != 3; ++depth)
        flow([&](flow&) { deep(depth * 10, [&] { found[static_cast<std::size_t>(depth)] = frames(); }); }).enter();
    BOOST_TEST(all_code(found[2]));
    BOOST_TEST(found[1].size() == found[0].size() + 10);
    BOOST_TEST(found[2].size() == found[0].size() + 20);
    BOOST_TEST(found[0].back() == found[2].back());
    BOOST_TEST(found[0].size() < 16);
}

BOOST_AUTO_TEST_CASE(backtrace_ends_at_a_generators_entry) {
    std::vector<void*> found;
    generator<int> g = [&](auto& yield) {
        deep(10, [&] { found = frames(); });
        yield(1);
    };
    g.next();
    BOOST_TEST(all_code(found));
    BOOST_TEST((found.size() > 12 && found.size() < 24));
}

BOOST_AUTO_TEST_CASE(a_walk_by_frame_pointers_ends_at_a_fibers_entry) {
    std::array<std::vector<void*>, 2> found;
    for (std::size_t i = 0; i != 2; ++i)
        flow([&](flow& self) {
            deep(static_cast<int>(i) * 10, [&] { found[i] = frames_by_frame_pointers(self.itself().on()); });
        }).enter();
    BOOST_TEST(found[0].size() > 2);
    BOOST_TEST(found[1].size() == found[0].size() + 10);
    if (!found[0].empty() && found[0].back() == nullptr) found[0].pop_back();  // the entry's own: it has no caller
    BOOST_TEST(all_code(found[0]));
}

BOOST_AUTO_TEST_CASE(a_walk_by_frame_pointers_ends_at_a_generators_entry) {
    std::vector<void*> found;
    generator<int> g = [&](auto& yield) {
        deep(10, [&] { found = frames_by_frame_pointers(crocus::fiber::current().on()); });
        yield(1);
    };
    g.next();
    BOOST_TEST((found.size() > 11 && found.size() < 24));
    if (!found.empty() && found.back() == nullptr) found.pop_back();
    BOOST_TEST(all_code(found));
}

#ifdef __x86_64__
BOOST_AUTO_TEST_CASE(at_each_instruction_of_a_switch_backtrace_finds_frames_and_their_end) {
    constexpr std::uint64_t trap = 0x100;
    const auto steps = [&] {
        auto a = count_to(3), b = count_to(3);  // to their end: libgcc has no frames at each instruction of a throw
        while (a.next().yielded()) b.next();
        b.next();
    };
    steps();  // binds what is bound at the first call
    const watched each(SIGTRAP);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | trap);
    steps();
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~trap);
    BOOST_TEST(seen.signals > 1000);
    BOOST_TEST(seen.garbage == 0);
    BOOST_TEST(seen.endless == 0);
}
#endif

BOOST_AUTO_TEST_CASE(a_profiler_may_look_at_any_time_while_ten_thousand_fibers_take_turns) {
    std::vector<generator<int>> all;
    for (int i = 0; i != 10'000; ++i) all.push_back(count_to(1'000'000));
    const watched each(SIGPROF);
    constexpr itimerval often{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_PROF, &often, nullptr);
    while (seen.signals < 100)
        for (auto& g : all) g.next();
    constexpr itimerval never{};
    ::setitimer(ITIMER_PROF, &never, nullptr);
    BOOST_TEST(seen.garbage == 0);
    BOOST_TEST(seen.endless == 0);
}
