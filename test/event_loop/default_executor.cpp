#define BOOST_TEST_MODULE event_loop_default_executor
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/thread_pool.hpp>

#include "../support/loop_tests.hpp"

using crocus::event_loop;
using crocus::to_thread;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(the_default_executor_can_be_shut_down_before_the_loop_ends) {  // L50
    crocus::run([] {
        BOOST_TEST(to_thread([] { return 5; }) == 5);
        auto& loop = event_loop::current();
        BOOST_TEST(loop.shutdown_default_executor());
        BOOST_CHECK_THROW(to_thread([] {}), crocus::executor_shut_down);
        BOOST_TEST(loop.shutdown_default_executor(1h));
        loop.set_default_executor(std::make_shared<crocus::thread_pool_executor>());
        BOOST_TEST(to_thread([] { return 6; }) == 6);
        BOOST_TEST(loop.shutdown_default_executor(1h));
    });
}

BOOST_AUTO_TEST_CASE(one_that_was_never_used_can_be_shut_down_too) {  // L50
    crocus::run([] {
        BOOST_TEST(event_loop::current().shutdown_default_executor(1h));
        BOOST_CHECK_THROW(to_thread([] {}), crocus::executor_shut_down);
    });
}

BOOST_AUTO_TEST_CASE(calls_that_do_not_end_in_time_are_reported_and_go_on) {  // L50
    std::promise<void> gate, ended;
    crocus::run([&] {
        auto& loop = event_loop::current();
        const auto reports = crocus::test::collect_reports();
        const auto call = loop.default_executor().submit([&] {
            gate.get_future().wait();
            ended.set_value();
        });
        while (!call.running()) std::this_thread::yield();
        BOOST_TEST(!loop.shutdown_default_executor(1ms));
        BOOST_TEST(reports->size() == 1U);
        BOOST_CHECK_THROW(to_thread([] {}), crocus::executor_shut_down);
        gate.set_value();
    });
    ended.get_future().wait();
}

BOOST_AUTO_TEST_CASE(one_that_is_replaced_while_it_is_shut_down_lives_until_then) {  // L50
    struct slow final : crocus::executor {
        explicit slow(std::string& events) : log(events) {}
        ~slow() override { log += "destroyed "; }
        void shutdown(bool, bool) override {
            crocus::yield_now();
            log += "shut down ";
        }
        void execute(crocus::work_item item) override { item.run(); }
        std::string& log;
    };
    std::string log;
    crocus::run([&] {
        auto& loop = event_loop::current();
        loop.set_default_executor(std::make_shared<slow>(log));
        auto ends = crocus::create_task([&] { loop.shutdown_default_executor(); });
        auto replaces = crocus::create_task([&] {
            loop.set_default_executor(nullptr);
            log += "replaced ";
        });
        ends.get();
        replaces.get();
    });
    BOOST_TEST(log == "replaced shut down destroyed ");
}
