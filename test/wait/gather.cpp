#define BOOST_TEST_MODULE wait_gather
#include <crocus/wait.hpp>

#include <boost/test/unit_test.hpp>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::gather;
using crocus::test::cancellation_of;
using crocus::test::collect_reports;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

// --------------------------------------------------------------------------------------------------------- the results

BOOST_AUTO_TEST_CASE(results_come_in_the_order_of_the_functions) {  // T24
    run_virtual([] {
        std::string log;
        const auto start = event_loop::current().now();
        const auto after = [&](int ms) {
            log += std::to_string(ms);
            crocus::sleep(ms * 1ms);
            log += std::to_string(ms);
            return ms;
        };
        auto [a, b, c] = gather([&] { return after(3); }, [&] { return after(1); }, [&] { return after(2); });
        BOOST_TEST(a == 3);
        BOOST_TEST(b == 1);
        BOOST_TEST(c == 2);
        BOOST_TEST(log == "312123");  // started in order, ended by time
        BOOST_TEST((event_loop::current().now() - start == 3ms));
    });
}

BOOST_AUTO_TEST_CASE(results_are_nothing_references_and_things_that_cannot_be_copied) {  // T24
    run_virtual([] {
        struct pinned {
            int value = 1;
            pinned() = default;
            pinned(const pinned&) = delete;
        } target;
        auto results = gather([] {}, [&]() -> pinned& { return target; }, [] { return std::make_unique<int>(5); },
                              [&] { return std::ref(target); });
        static_assert(
            std::is_same_v<decltype(results),
                           std::tuple<std::monostate, pinned&, std::unique_ptr<int>, std::reference_wrapper<pinned>>>);
        std::get<1>(results).value = 7;
        BOOST_TEST(target.value == 7);
        BOOST_TEST(*std::get<2>(results) == 5);
    });
}

BOOST_AUTO_TEST_CASE(a_range_of_functions_gives_a_vector) {  // T24
    run_virtual([] {
        const auto numbers = std::views::iota(0, 5);
        const auto squares = gather(numbers | std::views::transform([](int n) {
                                        return [n] {
                                            crocus::sleep((5 - n) * 1ms);
                                            return n * n;
                                        };
                                    }));
        BOOST_TEST(squares == (std::vector{0, 1, 4, 9, 16}), boost::test_tools::per_element());

        const std::list<void (*)()> nothing{[] {}, [] {}};
        static_assert(std::is_same_v<decltype(gather(nothing)), std::vector<std::monostate>>);
        BOOST_TEST(gather(nothing).size() == 2U);

        const std::vector makers(2, [] { return std::make_unique<int>(4); });
        BOOST_TEST(*gather(makers)[1] == 4);

        int target = 0;
        const std::vector referring(2, [&]() -> int& { return target; });
        gather(referring)[1].get() = 3;
        BOOST_TEST(target == 3);
    });
}

BOOST_AUTO_TEST_CASE(the_callers_functions_run_themselves_not_copies) {
    run_virtual([] {
        struct counter {
            explicit counter() = default;
            counter(const counter&) = delete;
            counter(counter&&) = default;
            int calls = 0;
            int operator()() { return ++calls; }
        };
        counter one;
        gather(one, one);
        BOOST_TEST(one.calls == 2);
        std::vector<counter> several(3);
        gather(several);
        for (const auto& c : several) BOOST_TEST(c.calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_range_that_makes_functions_on_the_way_may_be_gathered) {
    run_virtual([] {
        struct function {
            int n;
            int operator()() const { return n; }
        };
        crocus::generator<function> made([](auto& yield) {
            for (int i = 0; i != 3; ++i) yield(function{i});
        });
        BOOST_TEST(gather(made) == (std::vector{0, 1, 2}), boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(no_functions_give_no_results_at_once) {  // T24
    run_virtual([] {
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        BOOST_TEST(gather(std::vector<int (*)()>{}).empty());
        BOOST_TEST(!other_ran);
    });
}

BOOST_AUTO_TEST_CASE(gathers_may_be_nested) {
    run_virtual([] {
        const auto start = event_loop::current().now();
        const auto one = [] {
            crocus::sleep(1ms);
            return 1;
        };
        const auto two = [&] {
            const auto [a, b] = gather(one, one);
            return a + b;
        };
        const auto [a, b, c] = gather(two, two, one);
        BOOST_TEST(a + b + c == 5);
        BOOST_TEST((event_loop::current().now() - start == 1ms));
    });
}

// -------------------------------------------------------------------------------------------------------- the failures

BOOST_AUTO_TEST_CASE(the_first_failure_cancels_the_others_waits_for_them_and_is_raised) {  // T24, and its deviation
    run_virtual([] {
        std::string log;
        const auto reports = collect_reports();
        const auto slow = [&](int clean_up) {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {
                crocus::sleep(clean_up * 1ms);
                log += std::to_string(clean_up);
                throw std::logic_error("a later failure");
            }
        };
        BOOST_CHECK_EXCEPTION(gather([&] { slow(3); },
                                     [] {
                                         crocus::sleep(1ms);
                                         throw std::runtime_error("the first failure");
                                     },
                                     [&] { slow(5); }),
                              std::runtime_error,
                              [](const auto& e) { return e.what() == std::string("the first failure"); });
        BOOST_TEST(log == "35");
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_failure_before_the_others_began_keeps_them_from_beginning) {
    run_virtual([] {
        bool began = false;
        BOOST_CHECK_THROW(gather([&] { throw std::runtime_error("at once"); },
                                 [&] {
                                     crocus::sleep(1ms);
                                     began = true;
                                 }),
                          std::runtime_error);
        BOOST_TEST(!began);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_function_that_ends_cancelled_is_a_failure_and_the_caller_is_not_cancelled) {  // T25
    run_virtual([] {
        auto outer = create_task([] {
            const auto message = cancellation_of(
                [] { gather([] { throw crocus::cancelled_error("one of them"); }, [] { crocus::sleep(1h); }); });
            BOOST_TEST(crocus::current_task().cancelling() == 0);
            return message;
        });
        BOOST_TEST(outer.get() == "one of them");
        BOOST_TEST(!outer.cancelled());
    });
}

BOOST_AUTO_TEST_CASE(cancelling_the_caller_cancels_all_and_waits_for_them) {  // T14, T25
    run_virtual([] {
        std::string log;
        const auto reports = collect_reports();
        const auto slow = [&](int clean_up) {
            const auto message = cancellation_of([] { crocus::sleep(1h); });
            crocus::sleep(clean_up * 1ms);
            log += message + std::to_string(clean_up) + ' ';
            if (clean_up == 2) throw std::runtime_error("lost: the cancellation is what counts");
        };
        auto caller = create_task([&] { gather([&] { slow(1); }, [&] { slow(2); }); });
        crocus::sleep(1ms);
        BOOST_TEST(caller.cancel("stop"));
        BOOST_TEST(cancellation_of([&] { caller.get(); }) == "stop");
        BOOST_TEST(log == "stop1 stop2 ");
        BOOST_TEST(crocus::all_tasks().empty());
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(cancelling_the_caller_reaches_nested_gathers) {
    run_virtual([] {
        int cancelled = 0;
        const auto leaf = [&] {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {
                ++cancelled;
                throw;
            }
        };
        const auto node = [&] { gather(leaf, leaf); };
        auto caller = create_task([&] { gather(node, node, leaf); });
        crocus::sleep(1ms);
        caller.cancel();
        BOOST_CHECK_THROW(caller.get(), crocus::cancelled_error);
        BOOST_TEST(cancelled == 5);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_caller_that_was_cancelled_before_starts_nothing) {  // T7, T8
    run_virtual([] {
        bool began = false;
        auto caller = create_task([&] {
            crocus::current_task().cancel("before");
            gather([&] { began = true; }, [&] { began = true; });
        });
        BOOST_TEST(cancellation_of([&] { caller.get(); }) == "before");
        BOOST_TEST(!began);
    });
}

BOOST_AUTO_TEST_CASE(a_second_cancellation_goes_to_the_functions_too_and_gather_stays_with_them) {  // T5, T25
    run_virtual([] {
        std::string log;
        auto caller = create_task([&] {
            log += cancellation_of([&] {
                gather([&] {
                    log += cancellation_of([] { crocus::sleep(1h); }) + ' ';
                    log += cancellation_of([] { crocus::sleep(1h); }) + ' ';
                    crocus::sleep(1ms);
                });
            });
            BOOST_TEST(crocus::current_task().cancelling() == 2);
            crocus::yield_now();  // none is left over
        });
        crocus::sleep(1ms);
        caller.cancel("one");
        crocus::sleep(1ms);
        caller.cancel("two");
        caller.get();
        BOOST_TEST(log == "one two two");
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_while_gather_cleans_up_after_a_failure_is_held) {
    run_virtual([] {
        std::string after;
        bool cleaned = false;
        auto caller = create_task([&] {
            BOOST_CHECK_THROW(gather([] { throw std::runtime_error("at once"); },
                                     [&] {
                                         cancellation_of([] { crocus::sleep(1h); });
                                         crocus::sleep(5ms);
                                         cleaned = true;
                                     }),
                              std::runtime_error);
            after = cancellation_of([] { crocus::yield_now(); });
        });
        crocus::sleep(1ms);
        caller.cancel("held");
        caller.get();
        BOOST_TEST(after == "held");
        BOOST_TEST(cleaned);
    });
}

BOOST_AUTO_TEST_CASE(a_range_that_throws_leaves_nothing_running) {
    run_virtual([] {
        int ended = 0;
        const auto job = [&] {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {
                ++ended;
                throw;
            }
        };
        const auto functions = std::views::iota(0, 5) | std::views::transform([&](int i) {
                                   crocus::yield_now();  // those that are there begin
                                   if (i == 3) throw std::runtime_error("no more functions");
                                   return job;
                               });
        BOOST_CHECK_THROW(gather(functions), std::runtime_error);
        BOOST_TEST(ended == 3);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_deadlock_in_a_gather_of_the_main_flow_ends_its_functions) {
    run_virtual([] {
        int ended = 0;
        const auto stuck = [&] {
            try {
                crocus::future<void>().get();
            } catch (const crocus::cancelled_error&) {
                ++ended;
                throw;
            }
        };
        BOOST_CHECK_THROW(gather(stuck, stuck), crocus::deadlock_error);
        BOOST_TEST(ended == 2);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}
