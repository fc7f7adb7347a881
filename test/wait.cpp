#define BOOST_TEST_MODULE wait
#include <crocus/wait.hpp>

#include <boost/test/unit_test.hpp>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::future;
using crocus::task;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

task<int> after(std::chrono::milliseconds delay, int value) {
    return create_task([=] {
        crocus::sleep(delay);
        return value;
    });
}

task<int> failing_after(std::chrono::milliseconds delay) {
    return create_task([=]() -> int {
        crocus::sleep(delay);
        throw std::runtime_error("x");
    });
}

std::vector<int> values(std::vector<task<int>> tasks) {
    std::vector<int> results;
    for (auto& t : tasks) results.push_back(t.result());
    return results;
}

auto now() { return event_loop::current().now(); }

}  // namespace

BOOST_AUTO_TEST_CASE(wait_returns_when_all_are_done) {  // T26
    run_virtual([] {
        const auto start = now();
        const auto [done, pending] = crocus::wait(std::vector{after(3ms, 1), after(1ms, 2), after(2ms, 3)});
        BOOST_TEST((now() - start == 3ms));
        BOOST_TEST(values(done) == (std::vector{1, 2, 3}), boost::test_tools::per_element());  // the range's order
        BOOST_TEST(pending.empty());
    });
}

BOOST_AUTO_TEST_CASE(wait_returns_with_the_first_that_is_done) {  // T26
    run_virtual([] {
        const auto start = now();
        std::vector tasks{after(3ms, 1), after(1ms, 2), after(2ms, 3)};
        const auto [done, pending] = crocus::wait(tasks, {.return_when = crocus::first_completed});
        BOOST_TEST((now() - start == 1ms));
        BOOST_TEST(values(done) == std::vector{2}, boost::test_tools::per_element());
        BOOST_TEST(pending.size() == 2U);
        BOOST_TEST(values(crocus::wait(pending).done) == (std::vector{1, 3}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(wait_returns_with_the_first_that_throws_and_raises_nothing) {  // T26
    run_virtual([] {
        const auto start = now();
        auto cancelled = after(1h, 4);
        cancelled.cancel();
        std::vector tasks{after(3ms, 1), after(1ms, 2), failing_after(2ms), cancelled};
        auto [done, pending] = crocus::wait(tasks, {.return_when = crocus::first_exception});
        BOOST_TEST((now() - start == 2ms));  // a cancelled one is no exception
        BOOST_TEST(done.size() == 3U);
        BOOST_TEST(pending.size() == 1U);
        BOOST_CHECK_THROW(done[1].get(), std::runtime_error);

        const auto rest = crocus::wait(pending, {.return_when = crocus::first_exception});
        BOOST_TEST((now() - start == 3ms));
        BOOST_TEST(rest.done.size() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(an_exception_that_wait_has_seen_is_still_to_be_retrieved) {
    run_virtual([] {
        const auto reports = collect_reports();
        crocus::wait({failing_after(1ms)}, {.return_when = crocus::first_exception});
        BOOST_TEST(reports->size() == 1U);
    });
}

BOOST_AUTO_TEST_CASE(wait_that_is_over_its_time_returns_and_cancels_nothing) {  // T26
    run_virtual([] {
        const auto start = now();
        std::vector tasks{after(1ms, 1), after(3ms, 2)};
        const auto [done, pending] = crocus::wait(tasks, {.timeout = 2ms});
        BOOST_TEST((now() - start == 2ms));
        BOOST_TEST(values(done) == std::vector{1}, boost::test_tools::per_element());
        BOOST_TEST(pending.size() == 1U);
        BOOST_TEST(tasks[1].cancelling() == 0);
        BOOST_TEST(values(crocus::wait(pending, {.timeout = 1h}).done) == std::vector{2},
                   boost::test_tools::per_element());
        BOOST_TEST((now() - start == 3ms));
    });
}

BOOST_AUTO_TEST_CASE(a_timeout_of_nothing_lets_what_is_ready_run) {  // T26
    run_virtual([] {
        std::vector tasks{create_task([] { return 1; }), after(1ms, 2)};
        BOOST_TEST(crocus::wait(tasks, {.timeout = 0s}).done.size() == 1U);
        BOOST_TEST(crocus::wait(tasks, {.timeout = -1s}).done.size() == 1U);
        tasks[1].get();
    });
}

BOOST_AUTO_TEST_CASE(what_is_done_is_looked_at_when_wait_returns) {  // T26
    run_virtual([] {
        future<int> a, b;
        auto caller = create_task([&] { return crocus::wait({a, b}, {.return_when = crocus::first_completed}); });
        crocus::yield_now();
        b.set_result(2);
        a.set_result(1);
        auto [done, pending] = caller.get();
        BOOST_TEST(done.size() == 2U);
        BOOST_TEST(done[0].result() == 1);
        BOOST_TEST(pending.empty());
    });
}

BOOST_AUTO_TEST_CASE(a_condition_that_holds_already_needs_no_wait) {  // I4
    run_virtual([] {
        future<int> a, b;
        b.set_result(1);
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        BOOST_TEST(crocus::wait({a, b}, {.return_when = crocus::first_completed}).done.size() == 1U);
        BOOST_TEST(!other_ran);
        other.get();
    });
}

BOOST_AUTO_TEST_CASE(each_handle_is_waited_for_once) {  // T26
    run_virtual([] {
        auto a = after(1ms, 1), b = after(2ms, 2);
        const auto [done, pending] = crocus::wait(std::vector{b, a, b, a, a}, {.return_when = crocus::first_completed});
        BOOST_TEST(values(done) == std::vector{1}, boost::test_tools::per_element());
        BOOST_TEST(pending.size() == 1U);
        BOOST_TEST(values(crocus::wait({b, a, b}).done) == (std::vector{2, 1}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(tasks_of_different_results_can_be_waited_for_together) {  // T26
    run_virtual([] {
        auto text = create_task([] { return std::string("x"); });
        auto number = after(1ms, 1);
        const auto [done, pending] = crocus::wait(std::vector<crocus::any_task>{text, number});
        BOOST_TEST(done.size() == 2U);

        auto left = create_task([] { crocus::sleep(1ms); });
        BOOST_TEST(crocus::wait(crocus::all_tasks()).done.size() == 1U);
        BOOST_TEST(left.done());
        BOOST_CHECK_THROW(crocus::wait(std::vector{crocus::current_task()}), crocus::usage_error);  // the main flow
    });
}

BOOST_AUTO_TEST_CASE(handles_may_be_made_on_the_way) {
    run_virtual([] {
        const auto made = std::views::iota(1, 4) | std::views::transform([](int i) { return after(i * 1ms, i); });
        BOOST_TEST(values(crocus::wait(made).done) == (std::vector{1, 2, 3}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_cancels_none_of_its_handles) {  // T14, T15
    run_virtual([] {
        auto child = after(5ms, 1);
        auto caller = create_task([&] {
            const auto message = cancellation_of([&] { crocus::wait({child}); });
            BOOST_TEST(crocus::current_task().cancelling() == 1);
            return message;
        });
        crocus::sleep(1ms);
        caller.cancel("stop");
        crocus::yield_now();
        BOOST_TEST(caller.get() == "stop");
        BOOST_TEST(child.cancelling() == 0);
        BOOST_TEST(child.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_goes_down_the_chain_to_the_future_at_its_end) {  // T15
    run_virtual([] {
        future<int> bottom;
        auto middle = create_task([&] {
            const auto called = [&] { return bottom.get(); };
            return called();
        });
        auto top = create_task([&] { return middle.get(); });
        crocus::sleep(1ms);
        top.cancel("down");
        BOOST_TEST(cancellation_of([&] { top.get(); }) == "down");
        BOOST_TEST(middle.cancelled());
        BOOST_TEST(bottom.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(misuse_of_wait_is_an_error) {  // T26
    run_virtual([] {
        BOOST_CHECK_THROW(crocus::wait(std::vector<task<int>>{}), crocus::usage_error);
        std::optional<future<int>> foreign;
        std::thread([&] { crocus::run([&] { foreign.emplace(); }); }).join();
        BOOST_CHECK_THROW(crocus::wait({*foreign}), crocus::usage_error);
        std::optional<task<void>> self;
        self.emplace(create_task([&] { BOOST_CHECK_THROW(crocus::wait({*self}), crocus::usage_error); }));
        self->get();
    });
}

BOOST_AUTO_TEST_CASE(a_callback_cannot_wait) {
    run_virtual([] {
        future<int> f;
        f.set_result(1);
        bool refused = false;
        event_loop::current().call_soon([&] {
            try {
                crocus::wait({f});
            } catch (const crocus::cannot_suspend&) {
                refused = true;
            }
        });
        crocus::yield_now();
        BOOST_TEST(refused);
    });
}

BOOST_AUTO_TEST_CASE(a_future_knows_which_tasks_wait_for_it_alone_or_among_others) {  // F17
    run_virtual([] {
        auto child = after(1ms, 1);
        std::vector<task<void>> waiting;
        waiting.push_back(create_task([&] { child.get(); }));
        waiting.push_back(create_task([&] { crocus::gather(child, [] {}); }));
        waiting.push_back(create_task([&] { crocus::wait({child}); }));
        waiting.push_back(create_task([&] { crocus::shield(child); }));
        waiting.push_back(create_task([&] {
            for (auto& t : crocus::as_completed(std::vector{child})) t.get();
        }));
        child.add_done_callback([](const auto&) {});
        BOOST_TEST(child.state()->awaited_by().empty());
        crocus::yield_now();
        crocus::yield_now();
        const auto by = child.state()->awaited_by();
        BOOST_TEST(by.size() == waiting.size());
        for (std::size_t i = 0; i != by.size(); ++i)
            BOOST_TEST(dynamic_cast<crocus::detail::task_agent&>(*by[i]).name() == waiting[i].name());
        crocus::gather(waiting);
        BOOST_TEST(child.state()->awaited_by().empty());
    });
}
