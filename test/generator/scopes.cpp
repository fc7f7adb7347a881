// PEP 789: no yield leaves a scope that holds for its own flow alone.
#define BOOST_TEST_MODULE generator_scopes
#include <array>
#include <boost/test/unit_test.hpp>

#include <crocus/generator.hpp>
#include <crocus/wait_queue.hpp>

namespace {

using crocus::generator;

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
