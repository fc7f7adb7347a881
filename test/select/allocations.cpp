#define BOOST_TEST_MODULE select_allocations
#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/select.hpp>
#include <crocus/task.hpp>

#include "support/counted_allocations.hpp"
#include "support/virtual_time.hpp"

using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_select_takes_nothing_from_the_heap) {
    crocus::test::run_virtual([] {
        crocus::queue<int> a(1), b(1);
        crocus::event never;
        crocus::semaphore permits(0);
        crocus::future<void> future;
        auto producer = crocus::create_task([&] {
            for (int i = 0;; ++i) {
                (i % 2 == 0 ? a : b).put(i);
                if (i % 3 == 0) crocus::sleep(1ms);
            }
        });
        const auto consume = [&] {
            for (int i = 0; i != 1000; ++i)
                crocus::select(crocus::on_set(never, [] {}), crocus::on_acquire(permits, [] {}),
                               crocus::on_done(future, [](auto&) {}), crocus::on_get(a, [](int) {}),
                               crocus::on_get(b, [](int) {}), crocus::on_timeout(1h, [] {}));
        };
        consume();
        const auto before = crocus::test::allocations;
        consume();
        BOOST_TEST(crocus::test::allocations == before);
        producer.cancel();
        BOOST_CHECK_THROW(producer.get(), crocus::cancelled_error);
    });
}
