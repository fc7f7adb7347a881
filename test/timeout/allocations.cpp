#define BOOST_TEST_MODULE timeout_allocations
#include <boost/test/unit_test.hpp>

#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

#include "support/counted_allocations.hpp"
#include "support/virtual_time.hpp"

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(limits_that_do_not_pass_take_nothing_from_the_heap) {
    crocus::test::run_virtual([] {
        const auto nested = [] {
            for (int i = 0; i != 100; ++i)
                crocus::with_timeout(1s, [] {
                    crocus::move_on_after(1s, [] { crocus::sleep(1ms); });
                    crocus::yield_now();
                });
        };
        nested();
        const auto before = crocus::test::allocations;
        nested();
        BOOST_TEST(crocus::test::allocations == before);
    });
}
