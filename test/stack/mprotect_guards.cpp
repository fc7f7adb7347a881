// Guards on a kernel older than Linux 6.13, which knows no MADV_GUARD_INSTALL: this program's own madvise says so.
#define BOOST_TEST_MODULE stack_mprotect_guards
#include <crocus/stack.hpp>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <ios>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/fiber.hpp>

#include "support/child.hpp"

namespace {

constexpr std::size_t KiB = 1024;
constexpr int guard_install = 102;

bool mprotect_fails = false;

void touch(const void* place) { *static_cast<volatile char*>(const_cast<void*>(place)) = 1; }

/// How /proc/self/maps describes the page below a stack: "---p", say.
std::string rights_below(const crocus::stack& s) {
    const auto place = reinterpret_cast<std::uintptr_t>(s.bottom()) - 1;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        unsigned long first = 0, last = 0;
        char rights[5] = {};
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &first, &last, rights) == 3 && first <= place && place < last)
            return rights;
    }
    return "unmapped";
}

long map_count_limit() {
    long limit = 0;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit;
}

}  // namespace

extern "C" {
__attribute__((visibility("default"))) int madvise(void* address, std::size_t size, int advice) noexcept {
    if (advice == guard_install) {
        errno = EINVAL;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_madvise, address, size, advice));
}

__attribute__((visibility("default"))) int mprotect(void* address, std::size_t size, int rights) noexcept {
    if (mprotect_fails) {
        errno = ENOMEM;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_mprotect, address, size, rights));
}
}

BOOST_AUTO_TEST_CASE(every_stack_has_a_mapping_without_rights_below_it) {
    const crocus::stack small(4 * KiB), other(4 * KiB), large(1024 * KiB);
    BOOST_TEST(rights_below(small) == "---p");
    BOOST_TEST(rights_below(other) == "---p");
    BOOST_TEST(rights_below(large) == "---p");
    touch(small.bottom());
}

BOOST_AUTO_TEST_CASE(touching_the_guard_is_a_fault) {
    const crocus::stack s(4 * KiB);
    for (const std::size_t below : {std::size_t{1}, 64 * KiB}) {
        const auto child = crocus::test::in_child([&] { touch(static_cast<const std::byte*>(s.bottom()) - below); });
        BOOST_TEST(child.killed_by(SIGSEGV));
    }
}

BOOST_AUTO_TEST_CASE(a_guard_that_cannot_be_made_is_an_error_and_never_a_stack_without_one) {
    std::vector<crocus::stack> stacks;
    mprotect_fails = true;
    try {
        for (;;) stacks.emplace_back(200 * KiB);
    } catch (const crocus::stack_exhausted& e) {
        mprotect_fails = false;
        const std::string text = e.what();
        BOOST_TEST(text.find("vm.max_map_count") != std::string::npos);
        BOOST_TEST(text.find("sysctl") != std::string::npos);
    }
    mprotect_fails = false;
    for (int i = 0; i != 100; ++i) stacks.emplace_back(200 * KiB);
    for (const auto& s : stacks) BOOST_TEST(rights_below(s) == "---p");
}

// users_ask T2
BOOST_AUTO_TEST_CASE(the_kernels_limit_of_mappings_is_not_used_up) {
    const long limit = map_count_limit();
    if (limit > 200'000) return;  // it would take too long to get there
    std::vector<crocus::stack> stacks;
    BOOST_CHECK_THROW(for (;;) stacks.emplace_back(4 * KiB), crocus::stack_exhausted);
    BOOST_TEST(static_cast<long>(stacks.size()) > (limit - 4096) / 2 - 200);

    for (int i = 0; i != 1000; ++i) {                                        // others still get mappings
        const int rights = i % 2 == 0 ? PROT_READ : PROT_READ | PROT_WRITE;  // so that the kernel merges none
        BOOST_REQUIRE(::mmap(nullptr, 4 * KiB, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    }
    touch(stacks.front().bottom());
    touch(stacks.back().bottom());
    stacks.pop_back();
    const crocus::stack again(4 * KiB);  // recycled, with the guard that it has
    BOOST_TEST(rights_below(again) == "---p");
}
