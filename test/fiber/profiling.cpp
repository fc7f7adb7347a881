// A profiler may interrupt at any instruction, of a switch, too: it finds frames, and their end.
#define BOOST_TEST_MODULE fiber_profiling
#include <array>
#include <csignal>
#include <vector>

#include <execinfo.h>
#include <sys/time.h>
#include <ucontext.h>
#include <boost/test/unit_test.hpp>
#include <crocus/generator.hpp>

#include "support/code_ranges.hpp"

namespace {

using crocus::generator;
using crocus::test::code_ranges;

/// What signal handlers look at, and what they found.
struct {
    const code_ranges* code = nullptr;
    volatile std::sig_atomic_t signals = 0;
    volatile std::sig_atomic_t garbage = 0;
    volatile std::sig_atomic_t endless = 0;
    volatile std::sig_atomic_t stepping = 0;  // SIGTRAP after each instruction
} seen;

void look_around([[maybe_unused]] int signal, siginfo_t*, [[maybe_unused]] void* interrupted) {
    std::array<void*, 64> found;
    const int count = ::backtrace(found.data(), found.size());
    for (int i = 0; i != count; ++i)
        if (!seen.code->has(found[static_cast<std::size_t>(i)])) seen.garbage = seen.garbage + 1;
    if (count == found.size()) seen.endless = seen.endless + 1;
    seen.signals = seen.signals + 1;
#ifdef __x86_64__
    constexpr greg_t trap = 0x100;
    auto& flags = static_cast<ucontext_t*>(interrupted)->uc_mcontext.gregs[REG_EFL];
    if (signal == SIGTRAP) flags = seen.stepping ? flags | trap : flags & ~trap;
#endif
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
        action.sa_sigaction = look_around;
        action.sa_flags = SA_RESTART | SA_SIGINFO;
        ::sigaction(signal_, &action, &before_);
    }
    ~watched() { ::sigaction(signal_, &before_, nullptr); }

private:
    void* first_[1];
    const int loaded_ = ::backtrace(first_, 1);  // it loads a library when it is first called
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

#ifdef __x86_64__
BOOST_AUTO_TEST_CASE(at_each_instruction_of_a_switch_backtrace_finds_frames_and_their_end) {
    const auto steps = [&] {
        auto a = count_to(3), b = count_to(3);  // to their end: libgcc has no frames at each instruction of a throw
        while (a.next().yielded()) b.next();
        b.next();
    };
    steps();  // binds what is bound at the first call
    const watched each(SIGTRAP);
    seen.stepping = 1;
    ::raise(SIGTRAP);
    steps();
    seen.stepping = 0;
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
