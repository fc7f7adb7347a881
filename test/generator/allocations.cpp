// Once a thread is warm, generators take no memory from the heap: their state comes from the block pool, their stacks
// from the stack pool, and values are passed in place.
#define BOOST_TEST_MODULE generator_allocations
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <new>

#include <crocus/generator.hpp>

namespace {

using crocus::generator;

constinit std::size_t allocations = 0;

void* counted(void* block) {
    ++allocations;
    return block != nullptr ? block : throw std::bad_alloc();
}

/// How often f() allocates the second time.
template <class F>
std::size_t allocations_of(F f) {
    f();
    const std::size_t before = allocations;
    f();
    return allocations - before;
}

generator<int> range(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    const auto unit = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(unit, (size + unit - 1) / unit * unit));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

BOOST_AUTO_TEST_CASE(what_is_allocated_is_counted) {
    constexpr std::align_val_t line{128};
    BOOST_TEST(allocations_of([] { operator delete(operator new(1)); }) == 1u);
    BOOST_TEST(allocations_of([] { operator delete(operator new(1, line), line); }) == 1u);
}

BOOST_AUTO_TEST_CASE(a_small_generator_is_made_read_and_destroyed_without_the_heap) {
    int sum = 0;
    BOOST_TEST(allocations_of([&] {
                   for (const int i : range(3)) sum += i;
               }) == 0u);
    BOOST_TEST(sum == 2 * 3);
}

BOOST_AUTO_TEST_CASE(one_that_is_destroyed_unstarted_takes_nothing_either) {
    BOOST_TEST(allocations_of([] { static_cast<void>(range(3)); }) == 0u);
}

BOOST_AUTO_TEST_CASE(next_send_and_yield_allocate_nothing) {
    generator<int, int> running_sum = [](auto& yield) {
        int sum = 0;
        while (true)
            if (auto term = yield(sum)) sum += *term;
    };
    running_sum.next();
    int last = 0;
    BOOST_TEST(allocations_of([&] {
                   for (int i = 0; i != 100; ++i) last = *running_sum.send(i);
                   last = running_sum.next().value();
               }) == 0u);
    BOOST_TEST(last == 2 * 4950);
}

BOOST_AUTO_TEST_CASE(delegation_and_blocks_allocate_nothing) {
    int sum = 0;
    BOOST_TEST(allocations_of([&] {
                   generator<int> outer = [](auto& yield) {
                       yield.from(range(3));
                       int block[] = {3, 4};
                       yield.block(block);
                   };
                   for (const auto block : outer.blocks())
                       for (const int i : block) sum += i;
               }) == 0u);
    BOOST_TEST(sum == 2 * 10);
}

BOOST_AUTO_TEST_CASE(running_ahead_takes_the_room_for_its_block_alone) {
    int sum = 0;
    BOOST_TEST(allocations_of([&] {
                   generator<int> numbers = range(100);
                   for (const auto block : numbers.blocks(16))
                       for (const int i : block) sum += i;
               }) <= 2u);
    BOOST_TEST(sum == 2 * 4950);
}
