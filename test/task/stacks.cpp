// Which stacks tasks run on, what happens when there are none, and what long waits do to them.
#define BOOST_TEST_MODULE task_stacks
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/stack.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/virtual_time.hpp"

using namespace std::chrono_literals;
using crocus::create_task;
using crocus::test::run_virtual;

namespace {

constexpr std::size_t MiB = std::size_t{1} << 20;
constexpr int guard_install = 102;

// No stack is made without a guard: so many more can be had.
int stacks_left = std::numeric_limits<int>::max();

struct few_stacks {
    explicit few_stacks(int n) { stacks_left = n; }
    ~few_stacks() { stacks_left = std::numeric_limits<int>::max(); }
};

// Stacks are kept for their like; a size that no other test asks for begins with none.
constexpr std::size_t size_of_test(int n) { return MiB << n; }

/// Not a local's address: a sanitizer may keep locals elsewhere.
std::uintptr_t place_of_stack() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) >> 16; }

bool resident(std::uintptr_t p) {
    unsigned char in_core = 0;
    const auto page = p / 4096 * 4096;
    return ::mincore(reinterpret_cast<void*>(page), 4096, &in_core) == 0 && (in_core & 1) != 0;
}

/// Touches the stack 128 KiB further down. Says where.
[[gnu::noinline]] void touch_below(std::uintptr_t& where) {
    volatile char low[std::size_t{128} << 10];
    for (std::size_t i = 0; i < sizeof low; i += 4096) low[i] = 1;
    where = reinterpret_cast<std::uintptr_t>(low);
}

std::uintptr_t reach_down() {
    std::uintptr_t where = 0;
    touch_below(where);
    return where;
}

}  // namespace

extern "C" {
__attribute__((visibility("default"))) int madvise(void* address, std::size_t size, int advice) noexcept {
    if (advice == guard_install && stacks_left-- <= 0) {
        errno = ENOMEM;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_madvise, address, size, advice));
}

__attribute__((visibility("default"))) int mprotect(void* address, std::size_t size, int rights) noexcept {
    if (stacks_left <= 0) {
        errno = ENOMEM;
        return -1;
    }
    --stacks_left;
    return static_cast<int>(::syscall(SYS_mprotect, address, size, rights));
}
}

BOOST_AUTO_TEST_CASE(short_tasks_run_on_one_stack_one_after_the_other) {
    run_virtual([] {
        std::set<std::uintptr_t> places;
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != 1000; ++i) tasks.push_back(create_task([&] { places.insert(place_of_stack()); }));
        for (auto& t : tasks) t.get();
        BOOST_TEST(places.size() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_task_has_no_stack_before_it_runs) {
    run_virtual([] {
        constexpr auto size = size_of_test(0);
        const few_stacks one(1);
        std::vector<crocus::task<int>> tasks;
        for (int i = 0; i != 1000; ++i) tasks.push_back(create_task([i] { return i; }, {.stack_size = size}));
        for (int i = 0; i != 1000; ++i) BOOST_TEST(tasks[static_cast<std::size_t>(i)].get() == i);
    });
}

BOOST_AUTO_TEST_CASE(a_task_asks_for_as_much_stack_as_it_needs) {
    run_virtual([] {
        constexpr auto size = size_of_test(1);
        auto small = create_task([] { return place_of_stack(); });
        auto large = create_task(
            [] {
                volatile char most[size - (64u << 10)];
                for (std::size_t i = 0; i < sizeof most; i += 4096) most[i] = 1;
                return place_of_stack() + most[1];
            },
            {.stack_size = size});
        auto small_again = create_task([] { return place_of_stack(); });
        const auto place = small.get();
        BOOST_TEST(large.get() != place);
        BOOST_TEST(small_again.get() == place);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_gets_no_stack_waits_for_one) {
    run_virtual([] {
        constexpr auto size = size_of_test(2);
        const few_stacks three(3);
        std::vector<crocus::task<void>> tasks;
        int ended = 0;
        for (int i = 0; i != 100; ++i)
            tasks.push_back(create_task(
                [&] {
                    for (int k = 0; k != 5; ++k) crocus::yield_now();
                    ++ended;
                },
                {.stack_size = size}));
        for (auto& t : tasks) t.get();
        BOOST_TEST(ended == 100);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_waits_for_a_stack_gets_one_of_another_size_that_became_free) {
    run_virtual([] {
        const few_stacks two(2);
        auto other = create_task([] { crocus::sleep(1ms); }, {.stack_size = size_of_test(3)});
        auto first = create_task([] { crocus::sleep(2ms); }, {.stack_size = size_of_test(4)});
        auto starved = create_task([] { return 7; }, {.stack_size = size_of_test(4)});
        BOOST_TEST(starved.get() == 7);
        BOOST_TEST(first.done());
        other.get();
        first.get();
    });
}

BOOST_AUTO_TEST_CASE(a_task_for_which_no_stack_can_become_free_ends_with_stack_exhausted) {
    run_virtual([] {
        constexpr auto size = size_of_test(5);
        const few_stacks one(1);
        crocus::task<int>* second = nullptr;
        auto first = create_task([&] { return second->get(); }, {.stack_size = size});
        auto starved = create_task([] { return 1; }, {.stack_size = size});
        second = &starved;
        BOOST_CHECK_THROW(first.get(), crocus::stack_exhausted);
        BOOST_CHECK_THROW(starved.get(), crocus::stack_exhausted);
    });
}

BOOST_AUTO_TEST_CASE(where_there_is_no_stack_at_all_a_task_ends_with_stack_exhausted) {
    run_virtual([] {
        const few_stacks none(0);
        bool destroyed = false;
        struct witness {
            bool* destroyed;
            witness(bool* d) : destroyed(d) {}
            witness(witness&& other) noexcept : destroyed(std::exchange(other.destroyed, nullptr)) {}
            ~witness() {
                if (destroyed != nullptr) *destroyed = true;
            }
        };
        auto task = create_task([w = witness(&destroyed)] {}, {.stack_size = size_of_test(6)});
        BOOST_CHECK_THROW(task.get(), crocus::stack_exhausted);
        BOOST_TEST(destroyed);
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_wait_for_a_stack_can_be_cancelled) {
    run_virtual([] {
        constexpr auto size = size_of_test(7);
        const few_stacks one(1);
        auto holder = create_task([] { crocus::sleep(100ms); }, {.stack_size = size});
        bool ran = false;
        auto starved = create_task([&] { ran = true; }, {.stack_size = size});
        crocus::yield_now();
        starved.cancel("not needed");
        BOOST_CHECK_THROW(starved.get(), crocus::cancelled_error);
        BOOST_TEST(!ran);
        holder.get();
    });
}

// users_ask T3
BOOST_AUTO_TEST_CASE(a_task_that_waits_for_long_gives_back_the_memory_below_its_frames) {
    run_virtual([] {
        constexpr int count = 200;
        crocus::wait_queue queue;
        std::vector<std::uintptr_t> deep;
        int intact = 0;
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != count; ++i)
            tasks.push_back(create_task([&, i] {
                const std::string local = "the local of " + std::to_string(i);
                deep.push_back(reach_down());
                queue.wait();
                if (local == "the local of " + std::to_string(i)) ++intact;
                reach_down();
            }));
        crocus::yield_now();
        BOOST_TEST(deep.size() == std::size_t{count});
        int before = 0, after = 0;
        for (const auto p : deep) before += resident(p);
        crocus::sleep(2s);
        for (const auto p : deep) after += resident(p);
        BOOST_TEST(before == count);
        BOOST_TEST(after == 0);
        queue.notify_all();
        for (auto& t : tasks) t.get();
        BOOST_TEST(intact == count);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_is_woken_now_and_then_keeps_its_memory) {
    run_virtual([] {
        std::vector<crocus::task<void>> tasks;
        bool kept = true;
        for (int i = 0; i != 100; ++i)
            tasks.push_back(create_task([&] {
                const auto deep = reach_down();
                for (int k = 0; k != 40; ++k) {
                    crocus::sleep(100ms);
                    kept = kept && resident(deep);
                }
            }));
        for (auto& t : tasks) t.get();
        BOOST_TEST(kept);
    });
}
