#define BOOST_TEST_MODULE task_introspection
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/loop_tests.hpp"
#include "../support/virtual_time.hpp"

using crocus::any_task;
using crocus::context;
using crocus::create_task;
using crocus::current_task;
using crocus::event_loop;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_tasks_context_can_be_looked_into) {  // T19
    run_virtual([] {
        crocus::context_var<int> v("v", 0);
        v.set(1);
        auto task = create_task([&] {
            v.set(2);
            crocus::yield_now();
        });
        const auto seen = [&](const context& c) { return c.run([&] { return v.get(); }); };
        BOOST_TEST(seen(any_task(task).get_context()) == 1);
        crocus::yield_now();
        const context copy = any_task(task).get_context();
        BOOST_TEST(seen(copy) == 2);
        copy.run([&] { v.set(3); });
        BOOST_TEST(seen(any_task(task).get_context()) == 2);  // it was a copy
        BOOST_TEST(seen(current_task().get_context()) == 1);
        task.get();
        BOOST_TEST(seen(any_task(task).get_context()) == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_callbacks_context_and_time_can_be_looked_into) {  // L17
    run_virtual([] {
        crocus::context_var<int> v("v", 0);
        v.set(1);
        auto& loop = event_loop::current();
        const auto when = loop.now() + 5s;
        auto later = loop.call_at(when, [] {});
        const auto soon = loop.call_soon([] {});
        v.set(2);
        BOOST_TEST(context::copy_of(later.context()).run([&] { return v.get(); }) == 1);
        BOOST_TEST((later.when() == when));
        BOOST_TEST((soon.when() == crocus::time_point::max()));
        later.cancel();
        BOOST_TEST((later.when() == crocus::time_point::max()));
    });
}

BOOST_AUTO_TEST_CASE(what_a_coroutine_driven_by_hand_runs_in_is_its_drivers_task_before_and_after) {  // T22, T21
    run_virtual([] {
        const any_task main = current_task();
        std::vector<bool> same;
        crocus::coroutine<void> inner = [&] {
            same.push_back(current_task() == main);
            crocus::yield_now();
            same.push_back(current_task() == main);
        };
        crocus::coroutine<void> outer = [&] {
            inner.send();
            same.push_back(current_task() == main);
            inner.send();
        };
        outer.send();
        same.push_back(current_task() == main);
        BOOST_TEST(same == std::vector<bool>(4, true));
    });
}

BOOST_AUTO_TEST_CASE(every_time_a_cancelled_future_is_asked_it_raises_anew) {  // F7
    run_virtual([] {
        crocus::future<int> f;
        f.cancel("why");
        const auto raised_at = [&] {
            try {
                f.result();
            } catch (crocus::cancelled_error& e) {
                return std::make_pair(std::current_exception(), e.message());
            }
            return std::make_pair(std::exception_ptr(), std::string());
        };
        const auto first = raised_at();
        const auto second = raised_at();
        BOOST_TEST((first.first != second.first));  // nothing that one of them keeps is seen by the other
        BOOST_TEST(first.second == "why");
        BOOST_TEST(second.second == "why");
    });
}
