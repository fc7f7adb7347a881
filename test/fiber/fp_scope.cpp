// A floating-point environment for one flow.
#define BOOST_TEST_MODULE fiber_fp_scope
#include <cfenv>
#include <thread>

#include <boost/test/unit_test.hpp>

#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::fp_scope;
using crocus::test::run_virtual;

namespace {

/// What the processor does, not what a variable says: 1/3 rounded up differs from 1/3 rounded down.
bool rounds_up() {
    volatile double one = 1, three = 3;
    const double third = one / three;
    return third * 3 > 1 || third > 0.333333333333333314829616256247390992939472198486328125;
}

crocus::generator<bool> that_rounds_up() {
    return [](auto& yield) {
        const fp_scope own;
        std::fesetround(FE_UPWARD);
        for (;;) yield(rounds_up());
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_rounding_mode_stays_while_others_run_and_they_do_not_see_it) {  // users_ask T26
    run_virtual([] {
        bool over = false;
        auto up = create_task([&] {
            const fp_scope own;
            std::fesetround(FE_UPWARD);
            for (int i = 0; i != 10; ++i) {
                BOOST_TEST(rounds_up());
                crocus::yield_now();
            }
            over = true;
        });
        auto other = create_task([&] {
            while (!over) {
                BOOST_TEST(!rounds_up());
                crocus::yield_now();
            }
        });
        up.get();
        other.get();
        BOOST_TEST(!rounds_up());
    });
}

BOOST_AUTO_TEST_CASE(two_flows_have_environments_of_their_own) {
    run_virtual([] {
        const auto rounding = [](int mode) {
            const fp_scope own;
            std::fesetround(mode);
            for (int i = 0; i != 10; ++i) {
                crocus::yield_now();
                BOOST_TEST(std::fegetround() == mode);
            }
        };
        auto up = create_task([&] { rounding(FE_UPWARD); });
        auto down = create_task([&] { rounding(FE_DOWNWARD); });
        auto zero = create_task([&] { rounding(FE_TOWARDZERO); });
        up.get(), down.get(), zero.get();
        BOOST_TEST(std::fegetround() == FE_TONEAREST);
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_a_scope_brings_back_the_environment_of_its_beginning) {
    {
        const fp_scope outer;
        std::fesetround(FE_DOWNWARD);
        {
            const fp_scope inner;
            std::fesetround(FE_UPWARD);
        }
        BOOST_TEST(std::fegetround() == FE_DOWNWARD);
    }
    BOOST_TEST(std::fegetround() == FE_TONEAREST);
}

BOOST_AUTO_TEST_CASE(an_inner_scope_keeps_its_environment_while_others_run) {
    run_virtual([] {
        auto nested = create_task([] {
            const fp_scope outer;
            std::fesetround(FE_DOWNWARD);
            {
                const fp_scope inner;
                std::fesetround(FE_UPWARD);
                crocus::yield_now();
                BOOST_TEST(std::fegetround() == FE_UPWARD);
            }
            BOOST_TEST(std::fegetround() == FE_DOWNWARD);
            crocus::yield_now();
            BOOST_TEST(std::fegetround() == FE_DOWNWARD);
        });
        auto other = create_task([] {
            for (int i = 0; i != 3; ++i) {
                BOOST_TEST(std::fegetround() == FE_TONEAREST);
                crocus::yield_now();
            }
        });
        nested.get(), other.get();
    });
}

BOOST_AUTO_TEST_CASE(a_generators_environment_is_its_own) {
    auto g = that_rounds_up();
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST(*g.next());
        BOOST_TEST(!rounds_up());
    }
    g.close();
    BOOST_TEST(!rounds_up());
}

BOOST_AUTO_TEST_CASE(an_environment_goes_to_another_thread_with_its_flow) {
    auto g = that_rounds_up();
    BOOST_TEST(*g.next());
    bool there = false, left_behind = true;
    std::thread([&] {
        there = *g.next();
        left_behind = rounds_up();
    }).join();
    BOOST_TEST(there);
    BOOST_TEST(!left_behind);
    BOOST_TEST(*g.next());
}

BOOST_AUTO_TEST_CASE(a_flow_that_is_left_by_an_exception_leaves_no_environment_behind) {
    crocus::generator<int> g = [](auto& yield) {
        const fp_scope own;
        std::fesetround(FE_UPWARD);
        yield(1);
        throw 1;
    };
    g.next();
    BOOST_CHECK_THROW(g.next(), int);
    BOOST_TEST(std::fegetround() == FE_TONEAREST);
}
