#define BOOST_TEST_MODULE stream_allocations
#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <string_view>

#include <crocus/run.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/counted_allocations.hpp"

namespace {

/// Two connected streams, and one who sends back what comes at the far end.
template <class F>
void with_echo(F f) {
    crocus::run([&] {
        auto [a, b] = crocus::socket::pair();
        crocus::stream near(std::move(a));
        auto echo = crocus::create_task([far = crocus::stream(std::move(b))]() mutable {
            std::array<char, 4096> some;
            while (const std::size_t n = far.read_some(some)) far.write({some.data(), n});
        });
        f(near);
        near.close();
        echo.get();
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(reading_into_a_buffer_and_writing_take_nothing_from_the_heap) {
    with_echo([](crocus::stream& near) {
        std::array<char, 64> message{};
        const auto exchange = [&] {
            for (int i = 0; i != 100; ++i) {
                near.write(std::string_view(message.data(), 32));
                near.write({std::string_view(message.data(), 30), "", "!!"});
                near.read_exactly(message);
            }
        };
        exchange();
        const auto before = crocus::test::allocations;
        exchange();
        BOOST_TEST(crocus::test::allocations == before);
    });
}
