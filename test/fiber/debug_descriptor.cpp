// What crocus_debug_v1 says, as a debugger's script reads it: by place, without its header.
#define BOOST_TEST_MODULE fiber_debug_descriptor
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <crocus/fiber.hpp>

extern "C" {
extern const unsigned char crocus_debug_v1[];
}

namespace {

template <class T>
T at(std::size_t offset) {
    T value;
    std::memcpy(&value, crocus_debug_v1 + offset, sizeof value);
    return value;
}

constexpr std::size_t head = 48;  // what a script must know: magic, version, size, processor, mechanism, three pointers

// Programs of every version are debugged by scripts of every other. When this test fails, give the descriptor the next
// version, and write down here what that says. A field is never taken away, and none goes between others: what cannot
// be said so is another symbol's, crocus_debug_v2.
constexpr std::uint32_t version = 3;
const std::vector<std::uint32_t> numbers = {0,   8,  16, 32,  65536, 64,  16,  64,  0,  0,  16, 24, 32, 0, 0,   8,
                                            16,  24, 64, 72,  88,    96,  0,   8,   16, 24, 0,  16, 0,  8, 56,  208,
                                            232, 80, 56, 104, 16,    112, 120, 128, 24, 48, 80, 32, 24, 1, 280, 312};

/// The own flows of the threads that are listed.
std::vector<const void*> listed_flows() {
    constexpr std::size_t thread_next = 9, thread_own = 10;  // among the numbers
    const auto member = [](const unsigned char* of, std::size_t number) {
        const unsigned char* value;
        std::memcpy(&value, of + at<std::uint32_t>(head + 4 * number), sizeof value);
        return value;
    };
    std::vector<const void*> flows;
    for (auto* t = at<const unsigned char*>(32); t != nullptr; t = member(t, thread_next))
        flows.push_back(member(t, thread_own));
    return flows;
}

bool contains(const std::vector<const void*>& all, const void* one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_descriptor_says_what_it_is) {
    BOOST_TEST(std::memcmp(crocus_debug_v1, "crocusDB", 8) == 0);
    const std::uint32_t processor = at<std::uint32_t>(16);
    const std::uint32_t mechanism = at<std::uint32_t>(20);
#if defined(__x86_64__)
    BOOST_TEST(processor == 1u);
#elif defined(__aarch64__)
    BOOST_TEST(processor == 2u);
#endif
    BOOST_TEST((mechanism == 1u || mechanism == 2u));
}

BOOST_AUTO_TEST_CASE(what_the_descriptor_says_changes_with_its_version_only) {
    BOOST_TEST(at<std::uint32_t>(8) == version);
    std::vector<std::uint32_t> said((at<std::uint32_t>(12) - head) / 4);
    std::memcpy(said.data(), crocus_debug_v1 + head, said.size() * 4);
    BOOST_TEST(said == numbers, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_thread_that_uses_fibers_is_listed_until_it_ends) {
    const void* const own = &crocus::fiber::current();
    BOOST_TEST(contains(listed_flows(), own));
    std::thread([own] {
        const void* const others = &crocus::fiber::current();
        const auto flows = listed_flows();
        BOOST_TEST((contains(flows, own) && contains(flows, others)));
    }).join();
    BOOST_TEST((listed_flows() == std::vector{own}));
}
