#define BOOST_TEST_MODULE testing_sequencer
#include <crocus/testing/sequencer.hpp>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <stdexcept>
#include <string>

#include <crocus/error.hpp>
#include <crocus/no_suspend.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

using crocus::create_task;
namespace testing = crocus::testing;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(steps_come_in_the_order_of_their_numbers_in_every_schedule) {  // O18
    testing::for_each_seed(100, [] {
        testing::sequencer order;
        std::string log;
        const auto steps = [&](std::size_t first) {
            return [&, first] {
                for (std::size_t number = first; number < 9; number += 3) {
                    const auto turn = order(number);
                    log += std::to_string(number);
                    crocus::sleep(1s);  // a step lasts as long as its turn
                    log += '.';
                }
            };
        };
        crocus::gather(steps(2), steps(0), steps(1));
        BOOST_TEST(log == "0.1.2.3.4.5.6.7.8.");
    });
}

BOOST_AUTO_TEST_CASE(a_number_that_is_there_twice_is_an_error) {  // O18
    testing::run([] {
        testing::sequencer order;
        { const auto turn = order(0); }
        BOOST_CHECK_THROW(static_cast<void>(order(0)), crocus::usage_error);
        auto waits = create_task([&] { const auto turn = order(2); });
        crocus::yield_now();
        BOOST_CHECK_THROW(static_cast<void>(order(2)), crocus::usage_error);
        { const auto turn = order(1); }
        waits.get();
    });
}

BOOST_AUTO_TEST_CASE(a_step_that_a_cancelled_task_gave_up_is_an_error_for_those_behind_it) {  // O18
    testing::run([] {
        testing::sequencer order;
        auto second = create_task([&] { const auto turn = order(1); });
        auto third = create_task([&] { const auto turn = order(2); });
        crocus::yield_now();
        second.cancel();
        BOOST_CHECK_THROW(second.get(), crocus::cancelled_error);
        BOOST_CHECK_EXCEPTION(third.get(), crocus::usage_error, [](const crocus::usage_error& e) {
            return std::string(e.what()).find("step 2 of a sequencer cannot come: step 1 was given up") == 0;
        });
        { const auto turn = order(0); }
        BOOST_CHECK_THROW(static_cast<void>(order(3)), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(steps_before_those_that_were_given_up_go_on_waiting) {  // O18
    testing::run([] {
        testing::sequencer order;
        std::string log;
        auto second = create_task([&] {
            const auto turn = order(1);
            log += '1';
        });
        auto third = create_task([&] { const auto turn = order(2); });
        auto fifth = create_task([&] { const auto turn = order(4); });
        crocus::yield_now();
        third.cancel();
        fifth.cancel();
        crocus::wait({third, fifth});
        BOOST_TEST(!second.done());
        BOOST_CHECK_EXCEPTION(static_cast<void>(order(3)), crocus::usage_error, [](const crocus::usage_error& e) {
            return std::string(e.what()).find("step 2 was given up") != std::string::npos;
        });
        { const auto turn = order(0); }
        second.get();
        BOOST_TEST(log == "1");
    });
}

BOOST_AUTO_TEST_CASE(who_may_not_wait_gives_no_step_up_and_may_come_again) {  // O18
    testing::run([] {
        testing::sequencer order;
        auto third = create_task([&] { const auto turn = order(2); });
        crocus::yield_now();
        {
            const crocus::no_suspend all_at_once;
            BOOST_CHECK_THROW(static_cast<void>(order(1)), crocus::usage_error);
            const auto turn = order(0);  // need not wait
        }
        bool refused = false;
        crocus::event_loop::current().call_soon([&] {
            BOOST_CHECK_THROW(static_cast<void>(order(7)), crocus::cannot_suspend);
            refused = true;
        });
        crocus::yield_now();
        BOOST_TEST(refused);
        { const auto turn = order(1); }
        third.get();
    });
}

BOOST_AUTO_TEST_CASE(a_step_that_is_left_by_an_exception_has_ended) {  // O18
    testing::run([] {
        testing::sequencer order;
        auto first = create_task([&] {
            const auto turn = order(0);
            throw std::runtime_error("first");
        });
        { const auto turn = order(1); }
        BOOST_CHECK_THROW(first.get(), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_step_that_never_comes_is_a_deadlock_that_says_so) {  // O18
    testing::run([] {
        testing::sequencer order;
        try {
            static_cast<void>(order(1));
            BOOST_ERROR("its turn came");
        } catch (const crocus::deadlock_error& e) {
            BOOST_TEST(std::string(e.what()).find("the main flow waits for its turn in a sequencer (made at ") !=
                       std::string::npos);
        }
    });
}
