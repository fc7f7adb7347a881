// Generators and the scopes of who runs: PEP 789, and cancellation where a generator is destroyed.
#define BOOST_TEST_MODULE generator_scopes
#include <array>
#include <boost/test/unit_test.hpp>

#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/reports.hpp"
#include "support/virtual_time.hpp"

namespace {

using crocus::generator;
using namespace std::chrono_literals;

}  // namespace

BOOST_AUTO_TEST_CASE(a_yield_out_of_a_scope_of_the_body_is_an_error_there_and_harms_nothing) {
    generator<int> g = [](auto& yield) {
        {
            const crocus::detail::yield_barrier outer;
            {
                const crocus::detail::yield_barrier inner;
                BOOST_CHECK_THROW(yield(1), crocus::yield_across_scope);
            }
            BOOST_CHECK_THROW(yield(1), crocus::yield_across_scope);
            BOOST_CHECK_THROW(yield.from(generator<int>([](auto&) {})), crocus::yield_across_scope);
            BOOST_CHECK_THROW(yield.block(std::array{1, 2}), crocus::yield_across_scope);
        }
        yield(2);
    };
    BOOST_TEST(*g.next() == 2);
}

BOOST_AUTO_TEST_CASE(a_generator_may_be_read_to_its_end_within_a_scope) {
    generator<int> g = [](auto& yield) {
        const crocus::detail::yield_barrier barrier;
        int sum = 0;
        for (const int i : generator<int>([](auto& inner) { inner(3); })) sum += i;
        static_cast<void>(yield);
        BOOST_TEST(sum == 3);
    };
    const crocus::detail::yield_barrier around_the_reader;
    BOOST_TEST(g.next().finished());
}

BOOST_AUTO_TEST_CASE(cancellation_is_not_deferred_for_whoever_resumes_a_generator) {
    generator<int> g = [](auto& yield) {
        crocus::defer_cancellation([&] { BOOST_CHECK_THROW(yield(1), crocus::yield_across_scope); });
        yield(2);
    };
    BOOST_TEST(*g.next() == 2);
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_meets_the_destruction_of_a_generator_is_held_until_the_next_wait) {
    const crocus::test::reports reports;
    bool cleaned_up = false, destroyed = false;
    crocus::test::run_virtual([&] {
        auto t = crocus::create_task([&] {
            {
                generator<int> g = [&](auto& yield) {
                    try {
                        yield(1);
                    } catch (const crocus::generator_exit&) {
                        crocus::sleep(2s);
                        cleaned_up = true;
                        throw;
                    }
                };
                g.next();
            }
            destroyed = true;
            crocus::sleep(1h);
        });
        crocus::sleep(1s);
        t.cancel("stop");
        BOOST_CHECK_THROW(t.get(), crocus::cancelled_error);
    });
    BOOST_TEST(cleaned_up);
    BOOST_TEST(destroyed);
    BOOST_TEST(reports.texts.empty());
}
