#define BOOST_TEST_MODULE channel_allocations
#include <boost/test/unit_test.hpp>

#include <crocus/channel.hpp>
#include <crocus/task.hpp>

#include "support/counted_allocations.hpp"
#include "support/virtual_time.hpp"

BOOST_AUTO_TEST_CASE(a_channel_that_has_been_used_takes_nothing_more_from_the_heap) {
    crocus::test::run_virtual([] {
        crocus::channel<int> there(1);
        crocus::channel<int> back(10);
        auto echo = crocus::create_task([&] {
            for (const int i : there) back.put(i);
        });
        const auto exchange = [&] {
            for (int i = 0; i != 100; ++i) {
                for (int n = 0; n != 10; ++n) there.put(n);  // waits
                for (int n = 0; n != 10; ++n) BOOST_REQUIRE(back.get() == n);
            }
        };
        exchange();
        const auto before = crocus::test::allocations;
        exchange();
        BOOST_TEST(crocus::test::allocations == before);
        there.shutdown();
        echo.get();
    });
}
