#define BOOST_TEST_MODULE sync_event
#include <crocus/sync/event.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>

#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event;
using crocus::event_loop;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(all_who_wait_go_on_when_it_is_set_in_their_order) {  // Q3
    run_virtual([] {
        event e;
        std::string log;
        std::vector<crocus::task<void>> tasks;
        for (const char name : {'a', 'b', 'c'})
            tasks.push_back(create_task([&, name] {
                e.wait();
                BOOST_TEST(e.is_set());
                log += name;
            }));
        crocus::yield_now();
        BOOST_TEST(log.empty());
        e.set();
        BOOST_TEST(log.empty());  // they run when the caller waits
        for (auto& t : tasks) t.get();
        BOOST_TEST(log == "abc");
    });
}

BOOST_AUTO_TEST_CASE(waiting_for_one_that_is_set_does_not_suspend) {  // Q3
    run_virtual([] {
        event e;
        e.set();
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        e.wait();
        BOOST_TEST(e.wait_for(0s));
        BOOST_TEST(!other_ran);
        e.clear();
        BOOST_TEST(!e.is_set());
    });
}

BOOST_AUTO_TEST_CASE(those_who_wait_go_on_also_where_clear_follows_set_at_once) {  // Q3
    run_virtual([] {
        event e;
        int went_on = 0;
        const auto wait = [&] {
            e.wait();
            ++went_on;
        };
        auto a = create_task(wait);
        auto b = create_task(wait);
        crocus::yield_now();
        e.set();
        e.clear();
        auto late = create_task(wait);
        a.get();
        b.get();
        BOOST_TEST(went_on == 2);
        BOOST_TEST(!late.done());
        e.set();
        late.get();
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_while_it_waits_does_not_disturb_the_others) {  // Q3
    run_virtual([] {
        event e;
        auto a = create_task([&] { e.wait(); });
        auto b = create_task([&] { e.wait(); });
        crocus::yield_now();
        a.cancel();
        BOOST_CHECK_THROW(a.get(), crocus::cancelled_error);
        e.set();
        b.get();
    });
}

BOOST_AUTO_TEST_CASE(waiting_can_be_bounded) {
    run_virtual([] {
        event e;
        auto& loop = event_loop::current();
        const auto start = loop.now();
        BOOST_TEST(!e.wait_for(10ms));
        BOOST_TEST((loop.now() - start == 10ms));
        loop.call_later(5ms, [&] { e.set(); });
        BOOST_TEST(e.wait_until(loop.now() + 10ms));
        BOOST_TEST((loop.now() - start == 15ms));
    });
}

BOOST_AUTO_TEST_CASE(it_tells_its_state_and_how_many_wait) {  // Q15
    run_virtual([] {
        event e;
        BOOST_TEST(e.to_string() == "event [unset]");
        auto a = create_task([&] { e.wait(); });
        auto b = create_task([&] { e.wait(); });
        crocus::yield_now();
        BOOST_TEST(e.to_string() == "event [unset, waiters:2]");
        e.set();
        BOOST_TEST(e.to_string() == "event [set]");
        a.get();
        b.get();
    });
}

BOOST_AUTO_TEST_CASE(who_waits_for_one_that_is_destroyed_gets_an_error) {
    run_virtual([] {
        auto e = std::make_unique<event>();
        auto waiting = create_task([&] { e->wait(); });
        crocus::yield_now();
        e.reset();
        BOOST_CHECK_THROW(waiting.get(), crocus::usage_error);
    });
}
