#define BOOST_TEST_MODULE sync_once_flag
#include <crocus/sync/once_flag.hpp>

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/virtual_time.hpp"

using crocus::call_once;
using crocus::create_task;
using crocus::once_flag;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(one_of_those_who_ask_calls_and_the_others_wait_until_it_has_returned) {  // T10 of the users
    run_virtual([] {
        once_flag flag;
        int value = 0;
        const auto ask = [&] {
            call_once(flag, [&] {
                crocus::sleep(10ms);
                ++value;
            });
            BOOST_TEST(value == 1);
        };
        crocus::gather(ask, ask, ask);
        BOOST_TEST(flag.called());
        ask();
    });
}

BOOST_AUTO_TEST_CASE(the_function_gets_its_arguments) {
    run_virtual([] {
        once_flag flag;
        int sum = 0;
        call_once(
            flag, [](int& to, int a, int b) { to = a + b; }, sum, 1, 2);
        call_once(
            flag, [](int& to, int a, int b) { to = a + b; }, sum, 3, 4);
        BOOST_TEST(sum == 3);
    });
}

BOOST_AUTO_TEST_CASE(if_it_throws_the_next_one_calls) {
    run_virtual([] {
        once_flag flag;
        int calls = 0;
        const auto ask = [&] {
            call_once(flag, [&] {
                crocus::sleep(10ms);
                if (++calls == 1) throw std::runtime_error("the first time");
            });
        };
        auto a = create_task(ask);
        auto b = create_task(ask);
        auto c = create_task(ask);
        BOOST_CHECK_THROW(a.get(), std::runtime_error);
        BOOST_TEST(!flag.called());
        b.get();
        c.get();
        BOOST_TEST(calls == 2);
    });
}

BOOST_AUTO_TEST_CASE(if_it_is_cancelled_the_next_one_calls_also_where_that_is_cancelled_too) {
    run_virtual([] {
        once_flag flag;
        int calls = 0;
        const auto ask = [&] {
            call_once(flag, [&] {
                crocus::sleep(10ms);
                ++calls;
            });
        };
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != 4; ++i) tasks.push_back(create_task(ask));
        crocus::yield_now();
        tasks[2].cancel();  // waits
        tasks[0].cancel();  // calls
        crocus::yield_now();
        tasks[1].cancel();  // was told to call a moment ago
        for (int i = 0; i != 3; ++i)
            BOOST_CHECK_THROW(tasks[static_cast<std::size_t>(i)].get(), crocus::cancelled_error);
        tasks[3].get();
        BOOST_TEST(calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_function_that_asks_for_itself_is_an_error) {
    run_virtual([] {
        once_flag flag;
        BOOST_CHECK_THROW(call_once(flag, [&] { call_once(flag, [] {}); }), crocus::usage_error);
        BOOST_TEST(!flag.called());
    });
}

BOOST_AUTO_TEST_CASE(outside_of_tasks_it_is_called_too) {
    once_flag flag;
    int calls = 0;
    call_once(flag, [&] { ++calls; });
    call_once(flag, [&] { ++calls; });
    BOOST_TEST(calls == 1);
}
