#define BOOST_TEST_MODULE stack
#include <crocus/stack.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/fiber.hpp>

#include "support/child.hpp"

namespace {

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = 1024 * KiB;
constexpr std::size_t guard_size = 64 * KiB;

std::byte* low(const crocus::stack& s) { return static_cast<std::byte*>(s.bottom()); }
std::byte* high(const crocus::stack& s) { return static_cast<std::byte*>(s.top()); }

void touch(std::byte* place) { *static_cast<volatile std::byte*>(place) = std::byte{1}; }

// Cases that ask which stacks come back use a size class of their own.
std::vector<crocus::stack> take(std::size_t count, std::size_t size) {
    std::vector<crocus::stack> stacks;
    for (std::size_t i = 0; i != count; ++i) stacks.emplace_back(size);
    return stacks;
}

std::set<void*> tops(const std::vector<crocus::stack>& stacks) {
    std::set<void*> all;
    for (const auto& s : stacks) all.insert(s.top());
    return all;
}

bool contains(const std::set<void*>& all, const std::set<void*>& some) {
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

// ---- running over the end: the child exits with 42 if the fault lies in the guard of `overflowing`

const crocus::stack* overflowing = nullptr;

void on_fault(int, siginfo_t* info, void*) {
    auto* const at = static_cast<std::byte*>(info->si_addr);
    ::_exit(at < low(*overflowing) && at >= low(*overflowing) - guard_size ? 42 : 43);
}

void exit_on_fault() {
    static std::byte other_stack[64 * KiB];
    stack_t alternative{};
    alternative.ss_sp = other_stack;
    alternative.ss_size = sizeof other_stack;
    ::sigaltstack(&alternative, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigaction(SIGSEGV, &action, nullptr);
}

volatile int endless = -1;

template <std::size_t Frame>
[[gnu::noinline]] int recurse(int depth) {
    if (depth == endless) return 0;
    volatile char local[Frame];
    local[Frame / 2] = 1;  // most of a frame is never touched
    return recurse<Frame>(depth + 1) + local[Frame / 2];
}

template <std::size_t Frame>
crocus::test::child_end overflow(std::size_t size) {
    return crocus::test::in_child([size] {
        auto neighbours = take(16, size);
        crocus::fiber runaway(
            std::exchange(neighbours[8], {}), [](crocus::fiber&, void*) { recurse<Frame>(0); }, nullptr);
        overflowing = &runaway.on();
        exit_on_fault();
        runaway.enter();
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_stack_has_at_least_the_bytes_asked_for_and_all_can_be_used) {
    for (const std::size_t size : {std::size_t{1}, 4 * KiB, 63 * KiB, 64 * KiB, 100'000 * std::size_t{1},
                                   crocus::stack::default_size(), 1 * MiB, 5 * MiB}) {
        const crocus::stack s(size);
        BOOST_TEST(s.size() >= size);
        BOOST_TEST(static_cast<std::size_t>(high(s) - low(s)) == s.size());
        touch(high(s) - 1);
        touch(low(s));
    }
}

BOOST_AUTO_TEST_CASE(the_largest_stack_has_a_gibibyte) {
    const crocus::stack s(1024 * MiB);
    BOOST_TEST(s.size() >= 1024 * MiB);
    touch(low(s));
}

BOOST_AUTO_TEST_CASE(the_default_takes_a_power_of_two_of_address_space) {
    const auto two = take(2, crocus::stack::default_size());
    const auto apart = static_cast<std::size_t>(std::abs(high(two[0]) - high(two[1])));
    BOOST_TEST(apart + 1 * KiB >= crocus::stack::default_size() + guard_size);
}

BOOST_AUTO_TEST_CASE(a_size_of_nothing_or_of_more_than_a_gibibyte_is_a_usage_error) {
    BOOST_CHECK_THROW(crocus::stack(0), crocus::usage_error);
    BOOST_CHECK_THROW(crocus::stack(1024 * MiB + 1), crocus::usage_error);
    BOOST_CHECK_THROW(crocus::stack(SIZE_MAX), crocus::usage_error);
}

BOOST_AUTO_TEST_CASE(tops_are_aligned_and_spread_over_the_cache_sets) {
    std::set<std::uintptr_t> colours;
    for (const auto& s : take(64, 700 * KiB)) {
        const auto top = reinterpret_cast<std::uintptr_t>(s.top());
        BOOST_TEST(top % 16 == 0u);
        colours.insert(top % (1 * KiB) / 64);
    }
    BOOST_TEST(colours.size() == 16u);
}

BOOST_AUTO_TEST_CASE(no_stack_is_one_that_was_never_taken_or_was_moved_away) {
    crocus::stack none;
    BOOST_TEST(!none);
    BOOST_TEST(none.top() == nullptr);
    BOOST_TEST(none.size() == 0u);

    crocus::stack first(4 * KiB);
    void* const top = first.top();
    crocus::stack second(std::move(first));
    BOOST_TEST(!first);
    BOOST_TEST(second.top() == top);
    first = std::move(second);
    BOOST_TEST(first.top() == top);
    first = crocus::stack();
    BOOST_TEST(!first);
    BOOST_TEST(crocus::stack(4 * KiB).top() == top);  // it had been given back
}

BOOST_AUTO_TEST_CASE(the_hottest_stack_is_reused_first) {
    auto three = take(3, 4 * KiB);
    void* const last_given_back = three[1].top();
    three[2] = {};
    three[0] = {};
    three[1] = {};
    BOOST_TEST(crocus::stack(4 * KiB).top() == last_given_back);
}

BOOST_AUTO_TEST_CASE(more_stacks_than_a_thread_keeps_are_reused_as_well) {
    const auto first = [] { return tops(take(3000, 4 * KiB)); }();
    const auto second = [] { return tops(take(3000, 4 * KiB)); }();
    BOOST_TEST(first.size() == 3000u);
    BOOST_TEST((first == second));
}

BOOST_AUTO_TEST_CASE(ten_thousand_stacks_are_all_apart) {
    const auto stacks = take(10'000, crocus::stack::default_size());
    std::vector<std::pair<std::byte*, std::byte*>> places;
    for (const auto& s : stacks) places.emplace_back(low(s) - guard_size, high(s));
    std::sort(places.begin(), places.end());
    for (std::size_t i = 1; i != places.size(); ++i) BOOST_REQUIRE(places[i - 1].second <= places[i].first);
}

BOOST_AUTO_TEST_CASE(what_a_thread_kept_is_reused_by_others_when_it_has_ended) {
    std::set<void*> used;
    std::thread([&] { used = tops(take(20, 10 * MiB)); }).join();
    BOOST_TEST(contains(used, tops(take(20, 10 * MiB))));
}

BOOST_AUTO_TEST_CASE(a_thread_that_only_gives_stacks_back_loses_none) {
    auto stacks = take(20, 3 * MiB);
    const auto used = tops(stacks);
    std::thread([given = std::move(stacks)]() mutable { given.clear(); }).join();
    BOOST_TEST(contains(used, tops(take(20, 3 * MiB))));
}

BOOST_AUTO_TEST_CASE(a_stack_may_be_given_back_when_its_thread_is_ending) {
    std::set<void*> used;
    std::thread([&] {
        thread_local std::vector<crocus::stack> late;  // outlives the thread's cache, which is made after it
        late = take(5, 40 * MiB);
        used = tops(late);
    }).join();
    BOOST_TEST(contains(used, tops(take(5, 40 * MiB))));
}

BOOST_AUTO_TEST_CASE(touching_the_guard_is_a_fault) {
    for (const std::ptrdiff_t below : {std::ptrdiff_t{1}, static_cast<std::ptrdiff_t>(guard_size)}) {
        const auto child = crocus::test::in_child([below] {
            const crocus::stack s(4 * KiB);
            touch(low(s));
            std::puts("usable");
            std::fflush(stdout);
            touch(low(s) - below);
        });
        BOOST_TEST(child.killed_by(SIGSEGV));
        BOOST_TEST(child.output == "usable\n");
    }
}

BOOST_AUTO_TEST_CASE(a_recycled_stack_is_guarded_too) {
    const auto child = crocus::test::in_child([] {
        take(2000, 4 * KiB);
        const auto recycled = take(2000, 4 * KiB);
        overflowing = &recycled[1234];
        exit_on_fault();
        touch(low(*overflowing) - 1);
    });
    BOOST_TEST(child.exited_with(42));
}

// users_ask T1: a 4 KiB guard is stepped over by such frames
BOOST_AUTO_TEST_CASE(running_over_the_end_with_frames_of_8_KiB_hits_the_guard) {
    BOOST_TEST(overflow<8 * KiB>(60 * KiB).exited_with(42));
    BOOST_TEST(overflow<8 * KiB>(crocus::stack::default_size()).exited_with(42));
}

BOOST_AUTO_TEST_CASE(running_over_the_end_with_frames_of_32_KiB_hits_the_guard) {
    BOOST_TEST(overflow<32 * KiB>(60 * KiB).exited_with(42));
    BOOST_TEST(overflow<32 * KiB>(crocus::stack::default_size()).exited_with(42));
}

BOOST_AUTO_TEST_CASE(without_address_space_a_smaller_chunk_is_tried_and_then_stack_exhausted_is_thrown) {
    const auto child = crocus::test::in_child([] {
        long pages = 0;
        std::FILE* const statm = std::fopen("/proc/self/statm", "r");
        if (statm == nullptr || std::fscanf(statm, "%ld", &pages) != 1) ::_exit(1);
        const rlimit limit{static_cast<rlim_t>(pages) * 4 * KiB + 200 * MiB, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(2);

        const crocus::stack fits(20 * MiB);  // a full chunk of its class does not
        touch(low(fits));
        for (int i = 0; i != 2; ++i) {
            try {
                const crocus::stack too_large(512 * MiB);
                std::puts("no error");
            } catch (const crocus::stack_exhausted& e) {
                std::puts(e.what());
            }
        }
        const crocus::stack small(4 * KiB);
        touch(low(small));
    });
    BOOST_TEST(child.exited_with(0));
    BOOST_TEST(child.output.find("no error") == std::string::npos);
    BOOST_TEST(child.output.find("ulimit -v") != std::string::npos);
}
