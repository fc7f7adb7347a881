// Compiled with -rdynamic: the names of its functions can be found.
#define BOOST_TEST_MODULE call_graph
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include <crocus/call_graph.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::call_graph;
using crocus::capture_call_graph;
using crocus::create_task;
using crocus::format_call_graph;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

#define VISIBLE __attribute__((visibility("default"), noinline))

// Named, so that they are found in stacks. None is a tail call.
VISIBLE void the_leaf() {
    crocus::sleep(1h);
    asm volatile("");
}
VISIBLE void the_middle() {
    the_leaf();
    asm volatile("");
}
VISIBLE void the_recursion(int depth) {
    if (depth == 0)
        the_leaf();
    else
        the_recursion(depth - 1);
    asm volatile("");
}
VISIBLE void the_joiner(crocus::future<void> of) {
    of.get();
    asm volatile("");
}
VISIBLE void the_reader(crocus::generator<int>& from) {
    for (const int n : from) static_cast<void>(n);
    asm volatile("");
}
VISIBLE void the_caller(call_graph& graph) {
    graph = capture_call_graph();
    asm volatile("");
}

namespace {

bool stacks_can_be_shown() {
    bool shown = false;
    run_virtual([&] {
        auto task = create_task([] { the_leaf(); });
        crocus::yield_now();
        shown = !capture_call_graph(task).call_stack.empty();
        task.cancel();
    });
    return shown;
}

/// Where it stands in the stack; -1: not at all.
long place_of(const std::string& function, const call_graph& graph) {
    const auto& stack = graph.call_stack;
    const auto found = std::ranges::find_if(stack, [&](const auto& f) { return contains(f.function, function); });
    return found == stack.end() ? -1 : found - stack.begin();
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_caller_sees_its_own_stack) {  // F18
    run_virtual([] {
        auto task = create_task(
            [] {
                call_graph graph;
                the_caller(graph);
                BOOST_TEST(contains(graph.who, "task 'self'"));
                BOOST_TEST(place_of("the_caller", graph) >= 0);
                BOOST_TEST(graph.awaited_by.empty());
            },
            {.name = "self"});
        crocus::yield_now();
        task.get();
        call_graph main;
        the_caller(main);
        BOOST_TEST(main.who == "the main flow");
        BOOST_TEST(place_of("the_caller", main) >= 0);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_waits_shows_its_whole_stack_and_who_awaits_it) {  // F17, F18, T19
    if (!stacks_can_be_shown()) return;
    run_virtual([] {
        auto leaf = create_task([] { the_middle(); }, {.name = "leaf"});
        auto joiner = create_task([&] { the_joiner(leaf); }, {.name = "joiner"});
        crocus::sleep(1s);
        const call_graph graph = capture_call_graph(leaf);
        BOOST_TEST(contains(graph.who, "task 'leaf'"));
        BOOST_TEST(contains(graph.who, "pending"));
        BOOST_TEST(place_of("crocus::sleep", graph) >= 0);
        BOOST_TEST(place_of("the_leaf", graph) > place_of("crocus::sleep", graph));
        BOOST_TEST(place_of("the_middle", graph) > place_of("the_leaf", graph));
        BOOST_REQUIRE(graph.awaited_by.size() == 1U);
        BOOST_TEST(contains(graph.awaited_by[0].who, "task 'joiner'"));
        BOOST_TEST(place_of("the_joiner", graph.awaited_by[0]) >= 0);
        leaf.cancel();
        BOOST_CHECK_THROW(joiner.get(), crocus::cancelled_error);
        BOOST_TEST(capture_call_graph(leaf).call_stack.empty());  // it has ended
    });
}

BOOST_AUTO_TEST_CASE(a_limit_keeps_the_innermost_or_the_outermost_calls) {  // F18
    if (!stacks_can_be_shown()) return;
    run_virtual([] {
        auto task = create_task([] { the_middle(); });
        crocus::sleep(1s);
        const auto all = capture_call_graph(task).call_stack;
        const auto inner = capture_call_graph(task, {.limit = 2}).call_stack;
        const auto outer = capture_call_graph(task, {.limit = -2}).call_stack;
        BOOST_REQUIRE(all.size() > 3U);
        BOOST_REQUIRE(inner.size() == 2U);
        BOOST_REQUIRE(outer.size() == 2U);
        BOOST_TEST(inner[0].address == all[0].address);
        BOOST_TEST(inner[1].address == all[1].address);
        BOOST_TEST(outer[1].address == all.back().address);
        BOOST_TEST(capture_call_graph(task, {.limit = 0}).call_stack.empty());
        task.cancel();
    });
}

BOOST_AUTO_TEST_CASE(the_graph_of_a_future_is_who_awaits_it) {  // F17, F18
    run_virtual([] {
        crocus::future<void> f;
        auto a = create_task([&] { f.get(); }, {.name = "a"});
        auto b = create_task([&] { f.get(); }, {.name = "b"});
        crocus::yield_now();
        const call_graph graph = capture_call_graph(f);
        BOOST_TEST(contains(graph.who, "a future (made at"));
        BOOST_TEST(graph.call_stack.empty());
        BOOST_REQUIRE(graph.awaited_by.size() == 2U);
        BOOST_TEST(contains(graph.awaited_by[0].who, "task 'a'"));
        BOOST_TEST(contains(graph.awaited_by[1].who, "task 'b'"));
        f.set_result();
        crocus::gather([&] { a.get(); }, [&] { b.get(); });
    });
}

BOOST_AUTO_TEST_CASE(who_waits_by_gather_awaits_each_of_its_functions) {  // F17
    run_virtual([] {
        call_graph graph;
        auto whole = create_task(
            [&] {
                crocus::gather(
                    [&] {
                        crocus::yield_now();
                        graph = capture_call_graph();
                    },
                    [] {});
            },
            {.name = "whole"});
        whole.get();
        BOOST_REQUIRE(graph.awaited_by.size() == 1U);
        BOOST_TEST(contains(graph.awaited_by[0].who, "task 'whole'"));
        BOOST_REQUIRE(graph.awaited_by[0].awaited_by.size() == 1U);
        BOOST_TEST(graph.awaited_by[0].awaited_by[0].who == "the main flow");
    });
}

BOOST_AUTO_TEST_CASE(a_coroutine_driven_by_hand_awaits_as_a_task_does) {  // F17
    run_virtual([] {
        crocus::future<int> f;
        crocus::coroutine<int> c([&] { return f.get(); }, {.name = "hand"});
        c.send();
        const call_graph graph = capture_call_graph(f);
        BOOST_REQUIRE(graph.awaited_by.size() == 1U);
        BOOST_TEST(contains(graph.awaited_by[0].who, "coroutine 'hand'"));
        f.set_result(1);
        crocus::yield_now();
        BOOST_TEST(c.send().result() == 1);
    });
}

BOOST_AUTO_TEST_CASE(behind_a_generators_body_stand_its_delegators_and_who_reads) {  // F19, G35
    if (!stacks_can_be_shown()) return;
    run_virtual([] {
        auto task = create_task([] {
            crocus::generator<int> inner = [](auto& yield) {
                the_leaf();
                yield(1);
            };
            crocus::generator<int> outer = [&](auto& yield) { yield.from(inner); };
            the_reader(outer);
        });
        crocus::sleep(1s);
        const call_graph graph = capture_call_graph(task);
        BOOST_TEST(place_of("the_leaf", graph) >= 0);
        BOOST_TEST(place_of("the_reader", graph) > place_of("the_leaf", graph));
        task.cancel();
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_await_each_other_in_a_circle_are_shown_once) {  // F18, users' T8
    run_virtual([] {
        std::vector<crocus::task<void>> tasks;
        tasks.push_back(create_task([&] { tasks[1].get(); }, {.name = "a"}));
        tasks.push_back(create_task([&] { tasks[0].get(); }, {.name = "b"}));
        crocus::yield_now();
        const std::string text = format_call_graph(tasks[0]);
        BOOST_TEST(contains(text, "(shown above)"));
        tasks[0].cancel();
        crocus::yield_now();
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(who_waits_by_several_ways_is_shown_once) {  // F18, users' T8
    run_virtual([] {
        crocus::future<void> leaf;
        std::vector<std::vector<crocus::task<void>>> layers(12);  // each awaits all of the layer before
        for (std::size_t i = 0; i != layers.size(); ++i)
            for (int n = 0; n != 4; ++n)
                layers[i].push_back(create_task([&, i] {
                    if (i == 0)
                        leaf.get();
                    else
                        crocus::gather(layers[i - 1]);
                }));
        crocus::yield_now();
        const std::string text = format_call_graph(leaf);
        std::size_t stands = 0;
        for (std::size_t at = 0; (at = text.find("* task 'Task-", at)) != std::string::npos; ++at) ++stands;
        BOOST_TEST(stands <= 4U * 4U * layers.size());
        leaf.set_result();
        for (auto& t : layers.back()) t.get();
    });
}

BOOST_AUTO_TEST_CASE(the_text_is_indented) {  // F19
    run_virtual([] {
        call_graph graph{.who = "task 'x', pending",
                         .call_stack = {{nullptr, "f()"}, {nullptr, "g()"}},
                         .awaited_by = {{.who = "the main flow", .call_stack = {{nullptr, "main"}}, .awaited_by = {}}}};
        BOOST_TEST(format_call_graph(graph) ==
                   "* task 'x', pending\n"
                   "  + Call stack:\n"
                   "  |   f()\n"
                   "  |   g()\n"
                   "  + Awaited by:\n"
                   "    * the main flow\n"
                   "      + Call stack:\n"
                   "      |   main\n");
    });
}

BOOST_AUTO_TEST_CASE(all_tasks_of_a_program_that_hangs_are_shown) {  // F19, C28, users' T8
    run_virtual([] {
        auto a = create_task([] { the_leaf(); }, {.name = "a"});
        auto b = create_task([&] { a.get(); }, {.name = "b"});
        crocus::sleep(1s);
        const std::string text = crocus::format_all_tasks();
        BOOST_TEST(contains(text, "* the main flow\n"));
        BOOST_TEST(contains(text, "\n* task 'a'"));
        BOOST_TEST(contains(text, "    * task 'b'"));
        BOOST_TEST(contains(text, "\n* task 'b'"));
        a.cancel();
    });
}

BOOST_AUTO_TEST_CASE(those_who_wait_in_a_long_chain_are_shown_as_far_as_a_stack_can_hold) {  // F18
    run_virtual([] {
        crocus::future<void> start;
        std::vector<crocus::task<void>> chain{create_task([=]() mutable { start.get(); })};
        for (std::size_t i = 1; i != 3000; ++i) chain.push_back(create_task([&chain, i] { chain[i - 1].get(); }));
        crocus::yield_now();
        auto depth = create_task([&] {
            const call_graph graph = capture_call_graph(chain.front());
            std::size_t waits = 0;
            for (auto* at = &graph; !at->awaited_by.empty(); at = &at->awaited_by.front()) ++waits;
            return waits;
        });
        BOOST_TEST(depth.get() == 100U);
        start.set_result();
        chain.back().get();
    });
}

BOOST_AUTO_TEST_CASE(the_outermost_calls_of_a_deep_stack_are_found) {  // F18
    if (!stacks_can_be_shown()) return;
    run_virtual([] {
        auto deep = create_task([] { the_recursion(1000); });
        crocus::yield_now();
        const auto whole = capture_call_graph(deep, {.limit = 10'000}).call_stack;
        BOOST_TEST(whole.size() > 1000U);
        const auto outermost = capture_call_graph(deep, {.limit = -2}).call_stack;
        BOOST_REQUIRE(outermost.size() == 2U);
        BOOST_TEST(outermost.back().address == whole.back().address);
        BOOST_TEST(!contains(outermost.front().function, "the_recursion"));
        deep.cancel();
    });
}

BOOST_AUTO_TEST_CASE(a_callback_runs_in_no_task) {  // F18, its deviation
    run_virtual([] {
        const auto reports = crocus::test::collect_reports();
        crocus::event_loop::current().call_soon([] { static_cast<void>(capture_call_graph()); });
        crocus::yield_now();
        BOOST_REQUIRE(reports->size() == 1U);
        BOOST_TEST(contains((*reports)[0], "cannot_suspend"));
    });
}

BOOST_AUTO_TEST_CASE(a_future_says_what_state_it_is_in) {  // F2, F16
    run_virtual([] {
        crocus::future<int> f;
        BOOST_TEST(contains(f.to_string(), "a future (made at"));
        BOOST_TEST(contains(f.to_string(), ", pending"));
        auto waits = create_task([=]() mutable { return f.get(); });
        crocus::yield_now();
        BOOST_TEST(contains(f.to_string(), ", pending, 1 wait for it"));
        f.set_result(1);
        BOOST_TEST(contains(f.to_string(), ", finished"));
        waits.get();
        BOOST_TEST(contains(waits.to_string(), "task 'Task-"));
        crocus::future<int> cancelled;
        cancelled.cancel();
        BOOST_TEST(contains(cancelled.to_string(), ", cancelled"));
        crocus::future<int> failed;
        failed.set_exception(std::make_exception_ptr(1));
        BOOST_TEST(contains(failed.to_string(), ", failed"));
        static_cast<void>(failed.exception());
    });
}
