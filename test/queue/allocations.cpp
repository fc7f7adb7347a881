#define BOOST_TEST_MODULE queue_allocations
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <crocus/queue.hpp>
#include <crocus/task.hpp>

#include "support/counted_allocations.hpp"
#include "support/virtual_time.hpp"

using namespace std::chrono_literals;

namespace {

using kinds = boost::mpl::list<crocus::queue<int>, crocus::lifo_queue<int>, crocus::priority_queue<int>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_queue_that_has_grown_takes_nothing_more_from_the_heap, Queue, kinds) {
    crocus::test::run_virtual([] {
        Queue q(100);
        auto consumer = crocus::create_task([&] {
            while (q.get() >= 0)
                if (q.size() % 10 == 0) crocus::yield_now();
        });
        const auto produce = [&] {
            for (int i = 0; i != 1000; ++i) {
                q.put(i);
                if (i % 7 == 0) static_cast<void>(q.put_for(1s, i));
            }
        };
        produce();
        produce();  // the timers have grown, too
        const auto before = crocus::test::allocations;
        produce();
        BOOST_TEST(crocus::test::allocations == before);
        while (!q.empty()) crocus::yield_now();
        q.put(-1);
        consumer.get();
    });
}
