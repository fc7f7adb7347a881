#define BOOST_TEST_MODULE task_eager
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/loop_tests.hpp"
#include "../support/virtual_time.hpp"

using crocus::create_task;
using crocus::current_task;
using crocus::event_loop;
using crocus::task_options;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {
const task_options at_once{.eager_start = true};
}

// ----------------------------------------------------------------------------------------------------------- eagerly

BOOST_AUTO_TEST_CASE(an_eager_task_that_does_not_wait_has_ended_when_create_task_returns) {  // T23
    run_virtual([] {
        const auto task = create_task([] { return 5; }, at_once);
        BOOST_TEST(task.done());
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(create_task([] { return 5; }, at_once).get() == 5);
        auto failed = create_task([] { throw std::runtime_error("inside"); }, at_once);
        BOOST_TEST(failed.done());
        BOOST_CHECK_THROW(failed.get(), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_runs_to_its_first_wait_and_then_like_every_other) {  // T23
    run_virtual([] {
        std::string log;
        auto before = create_task([&] { log += "before "; });
        auto eager = create_task(
            [&] {
                log += "eager ";
                crocus::yield_now();
                log += "again ";
            },
            at_once);
        log += "creator ";
        BOOST_TEST(crocus::all_tasks().size() == 2U);
        eager.get();
        BOOST_TEST(log == "eager creator before again ");
        before.get();
    });
}

BOOST_AUTO_TEST_CASE(the_creator_of_eager_tasks_goes_on_before_all_that_is_ready) {  // T23
    run_virtual([] {
        std::string log;
        const auto ready = create_task([&] { log += "ready "; });
        for (int i = 0; i != 3; ++i)
            static_cast<void>(create_task(
                [&, i] {
                    log += std::to_string(i);
                    crocus::sleep(1s);
                },
                at_once));
        log += " creator ";
        crocus::yield_now();
        BOOST_TEST(log == "012 creator ready ");
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_is_the_current_one_while_it_runs) {  // T23, T21
    run_virtual([] {
        const auto creator = current_task();
        std::string seen;
        static_cast<void>(create_task([&] { seen = current_task().name(); }, {.name = "eager", .eager_start = true}));
        BOOST_TEST(seen == "eager");
        BOOST_TEST((current_task() == creator));
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_has_a_context_of_its_own) {  // T23, C23
    run_virtual([] {
        crocus::context_var<int> v("v", 0);
        v.set(1);
        int seen = 0;
        static_cast<void>(create_task(
            [&] {
                seen = v.get();
                v.set(2);
            },
            at_once));
        BOOST_TEST(seen == 1);
        BOOST_TEST(v.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_that_waits_can_be_cancelled_and_one_that_ended_cannot) {  // T23
    run_virtual([] {
        auto ended = create_task([] { return 1; }, at_once);
        BOOST_TEST(!ended.cancel());
        BOOST_TEST(!ended.cancelled());
        bool began = false;
        auto waits = create_task(
            [&] {
                began = true;
                crocus::sleep(1h);
            },
            at_once);
        BOOST_TEST(began);
        BOOST_TEST(waits.cancel());
        BOOST_CHECK_THROW(waits.get(), crocus::cancelled_error);
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_may_cancel_its_creator_which_learns_of_it_where_it_waits_next) {  // T23, T39a
    run_virtual([] {
        auto creator = create_task([] {
            auto self = current_task();
            static_cast<void>(create_task([self]() mutable { self.cancel("by the child"); }, at_once));
            return crocus::test::cancellation_of([] { crocus::sleep(1s); });
        });
        BOOST_CHECK(creator.get() == "by the child");
    });
}

BOOST_AUTO_TEST_CASE(eager_tasks_nest_and_a_tree_of_them_is_walked_in_depth) {  // T23
    run_virtual([] {
        struct tree {
            static long sum(long first, long leaves) {
                if (leaves == 1) return first;
                std::vector<crocus::task<long>> parts;
                for (long i = 0; i != 10; ++i)
                    parts.push_back(create_task([=] { return sum(first + i * leaves / 10, leaves / 10); }, at_once));
                long total = 0;
                for (auto& part : parts) {
                    BOOST_REQUIRE(part.done());
                    total += part.get();
                }
                return total;
            }
        };
        BOOST_TEST(tree::sum(0, 1000) == 499'500);
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_made_in_a_generators_body_runs_at_once) {  // T23
    run_virtual([] {
        crocus::generator<int> numbers = [](auto& yield) {
            for (int i = 0; i != 3; ++i) yield(create_task([i] { return i; }, at_once).result());
        };
        int sum = 0;
        for (const int n : numbers) sum += n;
        BOOST_TEST(sum == 3);
    });
}

BOOST_AUTO_TEST_CASE(in_a_callback_an_eager_task_begins_when_its_turn_comes) {  // T23, its deviation
    run_virtual([] {
        std::string log;
        event_loop::current().call_soon([&] {
            static_cast<void>(create_task([&] { log += "task "; }, at_once));
            log += "callback ";
        });
        crocus::yield_now();
        crocus::yield_now();
        BOOST_TEST(log == "callback task ");
    });
}

BOOST_AUTO_TEST_CASE(in_a_coroutine_driven_by_hand_an_eager_task_begins_when_its_turn_comes) {  // T23, its deviation
    run_virtual([] {
        std::string log;
        crocus::coroutine<void> driven = [&] {
            static_cast<void>(create_task([&] { log += "task "; }, at_once));
            log += "coroutine ";
        };
        static_cast<void>(driven.send());
        crocus::yield_now();
        BOOST_TEST(log == "coroutine task ");
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_of_the_loop_around_the_one_that_runs_begins_when_its_turn_comes) {  // T23
    std::thread([] {
        auto& around = event_loop::current();
        std::string log;
        run_virtual([&] {
            static_cast<void>(create_task([&] { log += &event_loop::current() == &around ? "own" : "other"; },
                                          {.eager_start = true, .loop = &around}));
            BOOST_TEST(log.empty());
        });
        crocus::yield_now();
        BOOST_TEST(log == "own");
    }).join();
}

BOOST_AUTO_TEST_CASE(an_eager_task_leaves_its_creators_errno_alone) {
    run_virtual([] {
        errno = 7;
        static_cast<void>(create_task([] { errno = 8; }, at_once));
        BOOST_TEST(errno == 7);
        errno = 0;
    });
}

BOOST_AUTO_TEST_CASE(an_eager_task_that_can_have_no_stack_fails_and_its_creator_goes_on) {
    run_virtual([] {
        auto task = create_task([] {}, {.stack_size = std::size_t{1} << 60, .eager_start = true});
        BOOST_TEST(task.done());
        BOOST_CHECK_THROW(task.get(), crocus::usage_error);
    });
}

// ---------------------------------------------------------------------------------------------------- task factories

BOOST_AUTO_TEST_CASE(a_loops_task_factory_sees_and_changes_the_options_of_each_task) {  // L20, L21
    run_virtual([] {
        auto& loop = event_loop::current();
        BOOST_TEST(!loop.get_task_factory());
        std::string seen;
        loop.set_task_factory([&](event_loop& of, task_options& options) {
            BOOST_TEST((&of == &loop));
            seen += options.name + ' ';
            options.name = "made-" + options.name;
        });
        BOOST_TEST(static_cast<bool>(loop.get_task_factory()));
        auto task = create_task([] { return current_task().name(); }, {.name = "a"});
        BOOST_TEST(task.name() == "made-a");
        BOOST_TEST(task.get() == "made-a");
        crocus::gather([] {});
        BOOST_TEST(seen == "a  ");
        loop.set_task_factory({});
        BOOST_TEST(create_task([] {}, {.name = "b"}).name() == "b");
        crocus::yield_now();
    });
}

BOOST_AUTO_TEST_CASE(a_task_factory_may_set_another) {  // L21
    run_virtual([] {
        event_loop::current().set_task_factory([name = std::string(100, 'x')](event_loop& loop, task_options& options) {
            loop.set_task_factory({});
            options.name = name;
        });
        auto first = create_task([] {});
        BOOST_TEST(first.name() == std::string(100, 'x'));
        BOOST_TEST(create_task([] {}, {.name = "b"}).name() == "b");
        first.get();
    });
}

BOOST_AUTO_TEST_CASE(the_eager_task_factory_makes_all_tasks_of_a_loop_eager) {  // T23, L21
    run_virtual([] {
        event_loop::current().set_task_factory(crocus::eager_task_factory);
        BOOST_TEST(create_task([] { return 1; }).done());
        BOOST_TEST(create_task(crocus::coroutine<int>([] { return 2; })).done());
    });
}

BOOST_AUTO_TEST_CASE(what_a_task_factory_throws_leaves_create_task_and_the_function_is_destroyed) {  // L20, L21
    run_virtual([] {
        event_loop::current().set_task_factory(
            [](event_loop&, task_options&) { throw std::length_error("too many tasks"); });
        auto alive = std::make_shared<int>();
        BOOST_CHECK_THROW(static_cast<void>(create_task([alive] {})), std::length_error);
        BOOST_TEST(alive.use_count() == 1);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(tasks_need_no_running_loop) {  // T20, its deviation
    event_loop loop(std::make_unique<crocus::test::virtual_time_driver>());
    auto task = create_task([] { return 5; }, {.loop = &loop});
    BOOST_TEST(!task.done());
    BOOST_TEST(loop.run_until_complete(task) == 5);
}
