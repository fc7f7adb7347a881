// Memory for what is made by the million.
#define BOOST_TEST_MODULE detail_block_pool
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <crocus/detail/block_pool.hpp>

using crocus::detail::allocate_block;
using crocus::detail::free_block;

namespace {

/// Writes all of it, so that an overlap is seen.
template <std::size_t Size>
std::byte* filled(unsigned char with) {
    void* const block = allocate_block<Size>();
    std::memset(block, with, Size);
    return static_cast<std::byte*>(block);
}

template <std::size_t Size>
bool holds(const std::byte* block, unsigned char value) {
    for (std::size_t i = 0; i != Size; ++i)
        if (block[i] != std::byte{value}) return false;
    return true;
}

template <std::size_t Size>
void blocks_are_apart() {
    std::vector<std::byte*> blocks;
    for (int i = 0; i != 1000; ++i) blocks.push_back(filled<Size>(static_cast<unsigned char>(i)));
    bool intact = true;
    for (int i = 0; i != 1000; ++i)
        intact = intact && holds<Size>(blocks[static_cast<std::size_t>(i)], static_cast<unsigned char>(i));
    BOOST_TEST(intact);
    for (std::byte* b : blocks) {
        BOOST_REQUIRE(reinterpret_cast<std::uintptr_t>(b) % alignof(std::max_align_t) == 0u);
        free_block<Size>(b);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(blocks_of_every_size_are_aligned_and_apart) {
    blocks_are_apart<1>();
    blocks_are_apart<64>();
    blocks_are_apart<65>();
    blocks_are_apart<256>();
    blocks_are_apart<1024>();
    blocks_are_apart<1025>();
    blocks_are_apart<5000>();
}

BOOST_AUTO_TEST_CASE(a_block_is_aligned_as_it_was_asked_for) {
    std::vector<void*> blocks;
    for (int i = 0; i != 10; ++i) blocks.push_back(allocate_block<100, 4096>());
    for (void* b : blocks) {
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(b) % 4096 == 0u);
        free_block<100, 4096>(b);
    }
}

BOOST_AUTO_TEST_CASE(a_block_may_be_freed_on_another_thread_which_then_ends) {
    std::vector<std::byte*> blocks;
    for (int i = 0; i != 500; ++i) blocks.push_back(filled<200>(1));
    std::thread([&] {
        for (std::byte* b : blocks) free_block<200>(b);
    }).join();
    std::thread([] { blocks_are_apart<200>(); }).join();
    blocks_are_apart<200>();
}

BOOST_AUTO_TEST_CASE(more_than_a_thread_keeps_goes_to_the_others) {
    constexpr int many = 70'000;
    std::vector<std::byte*> blocks;
    blocks.reserve(many);
    for (int i = 0; i != many; ++i) blocks.push_back(filled<64>(2));
    for (std::byte* b : blocks) free_block<64>(b);
    std::thread([] { blocks_are_apart<64>(); }).join();
    std::set<std::byte*> again;
    for (int i = 0; i != many; ++i) again.insert(filled<64>(3));
    BOOST_TEST(again.size() == std::size_t{many});
    for (std::byte* b : again) free_block<64>(b);
}

BOOST_AUTO_TEST_CASE(blocks_come_and_go_also_while_a_thread_ends) {
    struct late {
        std::byte* block = nullptr;
        ~late() {
            free_block<100>(block);
            blocks_are_apart<100>();
        }
    };
    std::thread([] {
        thread_local late before_the_lists;
        before_the_lists.block = filled<100>(4);
    }).join();
    blocks_are_apart<100>();
}
