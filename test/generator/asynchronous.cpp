// Python's asynchronous generators: here every generator whose body awaits is one.
#define BOOST_TEST_MODULE generator_asynchronous
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

namespace {

using namespace std::chrono_literals;
using crocus::create_task;
using crocus::generator;
using crocus::test::cancellation_of;
using crocus::test::contains;
using crocus::test::run_virtual;

/// 1, 2, ... each after a second; says into `log` when it leaves.
generator<int> ticks(std::string& log, int last = 1'000'000) {
    return [&log, last](auto& yield) {
        struct leaving {
            std::string& log;
            ~leaving() { log += "left "; }
        } const says{log};
        for (int i = 1; i <= last; ++i) {
            crocus::sleep(1s);
            yield(i);
        }
    };
}

/// Waits in its clean-up, wherever it is closed.
generator<int> saying_goodbye(std::string& log) {
    return [&log](auto& yield) {
        struct goodbye {
            std::string& log;
            ~goodbye() {
                crocus::sleep(1s);
                log += "goodbye ";
            }
        } const says{log};
        for (int i = 1;; ++i) yield(i);
    };
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------- async for

// C7
BOOST_AUTO_TEST_CASE(a_loop_over_a_body_that_waits_lets_others_run_and_ends_with_it) {
    run_virtual([] {
        std::string log;
        auto other = create_task([&] {
            for (const auto until : {600ms, 1000ms, 1000ms}) {
                crocus::sleep(until);
                log += "other ";
            }
        });
        for (const int i : ticks(log, 2)) log += std::to_string(i) + " ";
        other.get();
        BOOST_TEST(log == "other 1 other 2 left other ");
    });
}

// C7
BOOST_AUTO_TEST_CASE(what_leaves_a_body_that_waits_leaves_the_loop_over_it) {
    run_virtual([] {
        generator<int> failing = [](auto& yield) {
            crocus::sleep(1s);
            yield(1);
            crocus::sleep(1s);
            throw std::runtime_error("after one");
        };
        int sum = 0;
        BOOST_CHECK_THROW(
            {
                for (const int i : failing) sum += i;
            },
            std::runtime_error);
        BOOST_TEST(sum == 1);
        BOOST_TEST(failing.next().finished());
    });
}

// C7, T5
BOOST_AUTO_TEST_CASE(a_cancellation_in_a_loop_over_a_body_that_waits_passes_through_the_body) {
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            for (const int i : ticks(log)) log += std::to_string(i) + " ";
        });
        crocus::sleep(2500ms);
        t.cancel("enough");
        log += cancellation_of([&] { t.get(); });
        BOOST_TEST(log == "1 2 left enough");
    });
}

// ---------------------------------------------------------------------------------------------- next, send, throw,
// close

// C8
BOOST_AUTO_TEST_CASE(each_call_of_next_is_a_step_of_its_own_and_a_call_that_has_not_started_serves_once) {
    run_virtual([] {
        std::string log;
        auto g = ticks(log);
        BOOST_TEST(*g.next() == 1);
        crocus::coroutine<int> second = [&] { return *g.next(); };
        BOOST_TEST(crocus::await(second) == 2);
        BOOST_CHECK_THROW(crocus::await(second), crocus::coroutine_already_awaited);
        crocus::coroutine<void> closing = [&] { g.close(); };
        crocus::await(closing);
        BOOST_CHECK_THROW(crocus::await(closing), crocus::coroutine_already_awaited);
        BOOST_TEST(log == "left ");
    });
}

// C9
BOOST_AUTO_TEST_CASE(a_generator_whose_body_waits_is_running_for_everybody_else) {
    run_virtual([] {
        generator<int, int> g = [](auto& yield) {
            for (int i = 0;; ++i) {
                crocus::sleep(1s);
                yield(i);
            }
        };
        auto first = create_task([&] { return *g.next(); });
        crocus::yield_now();
        BOOST_TEST((g.status() == crocus::generator_status::running));
        BOOST_CHECK_THROW(g.next(), crocus::generator_already_executing);
        BOOST_CHECK_THROW(g.send(1), crocus::generator_already_executing);
        BOOST_CHECK_THROW(g.throw_(std::runtime_error("in")), crocus::generator_already_executing);
        BOOST_CHECK_THROW(g.close(), crocus::generator_already_executing);
        BOOST_CHECK_THROW(static_cast<void>(g.begin()), crocus::generator_already_executing);
        BOOST_TEST(first.get() == 0);  // unharmed
        BOOST_TEST(*g.send(1) == 1);
        auto thrown_into =
            create_task([&] { BOOST_CHECK_THROW(g.throw_(std::runtime_error("in")), std::runtime_error); });
        thrown_into.get();
        BOOST_TEST(g.next().finished());
    });
}

// C9
BOOST_AUTO_TEST_CASE(a_generator_that_waits_in_its_clean_up_is_running_too) {
    run_virtual([] {
        std::string log;
        auto g = saying_goodbye(log);
        static_cast<void>(g.next());
        auto closing = create_task([&] { g.close(); });
        crocus::yield_now();
        BOOST_CHECK_THROW(g.next(), crocus::generator_already_executing);
        BOOST_CHECK_THROW(g.close(), crocus::generator_already_executing);
        closing.get();
        BOOST_TEST(log == "goodbye ");
        BOOST_TEST(g.next().finished());
    });
}

// C10
BOOST_AUTO_TEST_CASE(the_rules_of_starting_and_closing_are_those_of_every_generator) {
    run_virtual([] {
        bool began = false;
        const auto make = [&] {
            return generator<int, int>([&](auto& yield) {
                began = true;
                crocus::sleep(1s);
                yield(1);
                crocus::sleep(1s);
            });
        };
        auto unstarted = make();
        BOOST_CHECK_THROW(unstarted.send(5), crocus::generator_not_started);
        unstarted.close();
        unstarted.close();
        BOOST_TEST(unstarted.next().finished());
        BOOST_TEST(!began);

        auto thrown_into = make();
        BOOST_CHECK_THROW(thrown_into.throw_(std::runtime_error("in")), std::runtime_error);
        BOOST_TEST(!began);

        auto begun = make();
        BOOST_TEST(*begun.next() == 1);
        begun.close();
        begun.close();
        BOOST_TEST(begun.next().finished());

        auto exhausted = make();
        BOOST_TEST(*exhausted.next() == 1);
        BOOST_TEST(exhausted.send(2).finished());
        exhausted.close();
        BOOST_TEST(exhausted.next().finished());
    });
}

// C11
BOOST_AUTO_TEST_CASE(a_body_may_wait_while_it_is_closed) {
    run_virtual([] {
        std::string log;
        generator<int> g = [&](auto& yield) {
            try {
                yield(1);
            } catch (const crocus::generator_exit&) {
                crocus::sleep(1s);
                log += "handler ";
                throw;
            }
        };
        auto h = saying_goodbye(log);
        static_cast<void>(g.next());
        static_cast<void>(h.next());
        auto other = create_task([&] {
            crocus::sleep(500ms);
            log += "other ";
        });
        g.close();
        h.close();
        {
            auto dropped = saying_goodbye(log);
            static_cast<void>(dropped.next());
        }
        other.get();
        BOOST_TEST(log == "other handler goodbye goodbye ");
    });
}

// C11
BOOST_AUTO_TEST_CASE(a_body_that_waits_and_then_yields_instead_of_leaving_is_an_error_in_who_closes) {
    run_virtual([] {
        generator<int> g = [](auto& yield) {
            try {
                yield(1);
            } catch (const crocus::generator_exit&) {
                crocus::sleep(1s);
                yield(2);
            }
        };
        static_cast<void>(g.next());
        BOOST_CHECK_THROW(g.close(), crocus::generator_ignored_exit);
        BOOST_TEST((g.status() == crocus::generator_status::suspended));
        g.close();
        BOOST_TEST((g.status() == crocus::generator_status::closed));
    });
}

// C11, T5
BOOST_AUTO_TEST_CASE(a_cancellation_that_meets_a_close_which_waits_comes_out_of_it) {
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            generator<int> g = [&](auto& yield) {
                try {
                    yield(1);
                } catch (const crocus::generator_exit&) {
                    log += cancellation_of([] { crocus::sleep(1h); });
                    throw;
                }
            };
            static_cast<void>(g.next());
            g.close();
            log += " closed";
        });
        crocus::yield_now();
        t.cancel("enough");
        t.get();
        BOOST_TEST(log == "enough closed");
    });
}

// C14
BOOST_AUTO_TEST_CASE(a_default_takes_the_place_of_the_end) {
    run_virtual([] {
        std::string log;
        auto g = ticks(log, 2);
        std::vector<int> seen;
        for (int i; (i = g.next().value_or(-1)) != -1;) seen.push_back(i);
        BOOST_TEST((seen == std::vector{1, 2}));
        BOOST_TEST(g.next().value_or(-2) == -2);
        BOOST_CHECK_THROW(g.next().value(), crocus::stop_iteration_error);
    });
    generator<std::unique_ptr<int>> owned = [](auto& yield) { yield(std::make_unique<int>(5)); };
    BOOST_TEST(*owned.next().value_or(nullptr) == 5);
    BOOST_TEST((owned.next().value_or(nullptr) == nullptr));
    int in_body = 1;
    int other = 2;
    generator<int&> referring = [&](auto& yield) { yield(in_body); };
    BOOST_TEST((&referring.next().value_or(other) == &in_body));
    BOOST_TEST((&referring.next().value_or(other) == &other));
    generator<int> failing = [](auto&) { throw std::runtime_error("no end"); };
    BOOST_CHECK_THROW(static_cast<void>(failing.next().value_or(0)), std::runtime_error);
}

// -------------------------------------------------------------------------------------------------- the end of the
// owner

// C12
BOOST_AUTO_TEST_CASE(a_generator_that_its_owner_drops_is_closed_there_and_then_and_may_wait) {
    run_virtual([] {
        std::string log;
        for (const int i : saying_goodbye(log))
            if (i == 3) break;
        log += "after ";
        auto dropping = create_task([&, g = std::optional(saying_goodbye(log))]() mutable {
            static_cast<void>(g->next());
            g.reset();
            log += "dropped ";
        });
        dropping.get();
        BOOST_TEST(log == "goodbye after goodbye dropped ");
    });
}

// C12
BOOST_AUTO_TEST_CASE(a_generator_may_be_dropped_on_another_thread_whose_loop_its_clean_up_then_waits_in) {
    std::string log;
    auto g = std::make_optional(saying_goodbye(log));
    static_cast<void>(g->next());
    std::thread([&] { run_virtual([&] { g.reset(); }); }).join();
    BOOST_TEST(log == "goodbye ");
}

// C12, C13
BOOST_AUTO_TEST_CASE(a_generator_that_is_dropped_in_a_callback_cannot_wait_there_and_says_so) {
    const crocus::test::reports unraisable;
    run_virtual([&] {
        std::string log;
        auto g = std::make_optional<generator<int>>([&](auto& yield) {
            try {
                yield(1);
            } catch (const crocus::generator_exit&) {
                crocus::sleep(1s);
            }
        });
        static_cast<void>(g->next());
        crocus::event_loop::current().call_soon([&] { g.reset(); });
        crocus::yield_now();
        BOOST_TEST(!g.has_value());
    });
    BOOST_REQUIRE(unraisable.texts.size() == 1U);
    BOOST_TEST(contains(unraisable.texts.front(), "crocus::cannot_suspend"));
}

// --------------------------------------------------------------------------------------------------- the end of the
// loop

// C13
BOOST_AUTO_TEST_CASE(the_end_of_a_loop_ends_the_bodies_that_wait_in_it_through_their_tasks) {
    std::string log;
    auto g = ticks(log);
    run_virtual([&] {
        static_cast<void>(create_task([&] {
            auto own = saying_goodbye(log);
            static_cast<void>(own.next());
            static_cast<void>(g.next());
        }));
        crocus::yield_now();
    });
    BOOST_TEST(log == "left goodbye ");
    BOOST_TEST(g.next().finished());
}

// C13
BOOST_AUTO_TEST_CASE(a_generator_at_a_yield_is_its_owners_and_survives_the_loop) {
    std::string log;
    auto g = ticks(log);
    run_virtual([&] { BOOST_TEST(*g.next() == 1); });
    BOOST_TEST((g.status() == crocus::generator_status::suspended));
    BOOST_TEST(log.empty());
    run_virtual([&] { BOOST_TEST(*g.next() == 2); });  // goes on in another loop
    g.close();                                         // needs none
    BOOST_TEST(log == "left ");
    auto h = saying_goodbye(log);
    run_virtual([&] { static_cast<void>(h.next()); });
    run_virtual([&] { h.close(); });
    BOOST_TEST(log == "left goodbye ");
}

// C13
BOOST_AUTO_TEST_CASE(what_a_clean_up_awaits_of_a_loop_that_has_ended_is_an_error_that_close_throws) {
    std::optional<crocus::future<int>> pending;
    generator<int> g = [&](auto& yield) {
        try {
            yield(1);
        } catch (const crocus::generator_exit&) {
            pending->get();
        }
    };
    run_virtual([&] {
        pending.emplace();
        static_cast<void>(g.next());
    });
    run_virtual([&] { BOOST_CHECK_THROW(g.close(), crocus::usage_error); });
    BOOST_TEST((g.status() == crocus::generator_status::closed));
}

// C13
BOOST_AUTO_TEST_CASE(a_clean_up_that_waits_after_its_threads_end_is_refused_and_reported_and_does_not_hang) {
    const crocus::test::reports unraisable;
    std::string log;
    std::thread([&] {
        struct holder {
            std::optional<generator<int>> kept;
            ~holder() { kept.reset(); }
        };
        thread_local holder outlives_the_loop;  // made before it
        outlives_the_loop.kept.emplace([&](auto& yield) {
            try {
                yield(1);
            } catch (const crocus::generator_exit&) {
                log += "closing ";
                crocus::sleep(1h);
                log += "never";
            }
        });
        static_cast<void>(outlives_the_loop.kept->next());
        crocus::sleep(1us);
    }).join();
    BOOST_TEST(log == "closing ");
    BOOST_REQUIRE(unraisable.texts.size() == 1U);
    BOOST_TEST(contains(unraisable.texts.front(), "while a generator was destroyed: crocus::loop_closed"));
}
