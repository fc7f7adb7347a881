#define BOOST_TEST_MODULE stop
#include <crocus/stop.hpp>

#include <boost/test/unit_test.hpp>
#include <stop_token>
#include <thread>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/sync/event.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::move_on_stop;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_requested_stop_ends_the_body_where_it_waits) {
    run_virtual([] {
        std::stop_source source;
        auto& loop = event_loop::current();
        const auto start = loop.now();
        loop.call_later(5ms, [&] { source.request_stop(); });
        BOOST_TEST(!move_on_stop(source.get_token(), [] { crocus::sleep(1h); }));
        BOOST_TEST((loop.now() - start == 5ms));
        crocus::sleep(1ms);  // nothing of it is left
    });
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_before_gives_its_value) {
    run_virtual([] {
        std::stop_source source;
        BOOST_TEST(move_on_stop(source.get_token(), [] { return 7; }).value() == 7);
        BOOST_TEST(move_on_stop(source.get_token(), [] { crocus::sleep(1ms); }));
        BOOST_TEST(move_on_stop(std::stop_token(), [] { return 8; }).value() == 8);
        source.request_stop();
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(one_that_was_requested_before_lets_the_body_run_to_its_first_wait) {
    run_virtual([] {
        std::stop_source source;
        source.request_stop();
        bool began = false;
        BOOST_TEST(!move_on_stop(source.get_token(), [&] {
            began = true;
            crocus::yield_now();
        }));
        BOOST_TEST(began);
        BOOST_TEST(move_on_stop(source.get_token(), [] { return 1; }).has_value());
    });
}

BOOST_AUTO_TEST_CASE(the_body_may_request_it_itself) {
    run_virtual([] {
        std::stop_source source;
        BOOST_TEST(!move_on_stop(source.get_token(), [&] {
            source.request_stop();
            crocus::sleep(1h);
        }));
    });
}

BOOST_AUTO_TEST_CASE(somebody_elses_cancellation_passes) {
    run_virtual([] {
        std::stop_source source;
        auto stopped = create_task([&] { return move_on_stop(source.get_token(), [] { crocus::sleep(1h); }); });
        crocus::yield_now();
        stopped.cancel("theirs");
        source.request_stop();
        BOOST_TEST(cancellation_of([&] { stopped.get(); }) == "theirs");
    });
}

BOOST_AUTO_TEST_CASE(another_thread_may_request_it) {
    crocus::run([] {
        for (int i = 0; i != 50; ++i) {
            std::stop_source source;
            const std::jthread thread([&] { source.request_stop(); });
            BOOST_TEST(!move_on_stop(source.get_token(), [] { crocus::event().wait(); }));
        }
    });
}

BOOST_AUTO_TEST_CASE(another_thread_may_request_it_as_the_body_ends) {
    crocus::run([] {
        for (int i = 0; i != 200; ++i) {
            std::stop_source source;
            const std::jthread thread([&] { source.request_stop(); });
            move_on_stop(source.get_token(), [] { crocus::yield_now(); });
            crocus::yield_now();  // a request on its way meets nobody
        }
    });
}
