// What the protocol excludes is an error that harms nobody.
#define BOOST_TEST_MODULE generator_misuse
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <crocus/generator.hpp>

#include "support/reports.hpp"

namespace {

using crocus::generator;
using status = crocus::generator_status;

generator<int> count(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

}  // namespace

// G3
BOOST_AUTO_TEST_CASE(sending_to_a_generator_that_has_not_started_is_an_error_and_harms_nothing) {
    generator<int, std::unique_ptr<int>> g = [](auto& yield) {
        auto got = yield(1);
        yield(got ? **got : 0);
    };
    auto value = std::make_unique<int>(5);
    BOOST_CHECK_THROW(g.send(std::move(value)), crocus::generator_not_started);
    BOOST_TEST((g.status() == status::created));
    BOOST_REQUIRE(value);  // not taken
    BOOST_TEST(*g.next() == 1);
    BOOST_TEST(*g.send(std::move(value)) == 5);
}

// G5, G28, G44
BOOST_AUTO_TEST_CASE(a_running_generator_cannot_be_resumed_or_closed_and_is_not_harmed) {
    generator<int, std::unique_ptr<int>>* self = nullptr;
    generator<int, std::unique_ptr<int>> g = [&](auto& yield) {
        auto value = std::make_unique<int>(1);
        BOOST_TEST((self->status() == status::running));
        BOOST_CHECK_THROW(self->next(), crocus::generator_already_executing);
        BOOST_CHECK_THROW(self->send(std::move(value)), crocus::generator_already_executing);
        BOOST_TEST((value != nullptr));  // not taken
        BOOST_CHECK_THROW(self->throw_(std::runtime_error("x")), crocus::generator_already_executing);
        BOOST_CHECK_THROW(self->close(), crocus::generator_already_executing);
        BOOST_CHECK_THROW(static_cast<void>(self->begin()), crocus::generator_already_executing);
        auto got = yield(1);
        BOOST_TEST(!got);
        yield(2);
    };
    self = &g;
    BOOST_TEST(*g.next() == 1);
    BOOST_TEST(*g.next() == 2);
    BOOST_TEST(g.next().finished());
}

// G5
BOOST_AUTO_TEST_CASE(what_a_body_does_not_catch_of_its_own_misuse_finishes_it) {
    generator<int>* self = nullptr;
    generator<int> g = [&](auto&) { self->next(); };
    self = &g;
    BOOST_CHECK_THROW(g.next(), crocus::generator_already_executing);
    BOOST_TEST((g.status() == status::closed));
}

BOOST_AUTO_TEST_CASE(yielding_from_another_stack_is_an_error_that_leaves_the_generator_alone) {
    generator<int>::yielder* outside = nullptr;
    generator<int> g = [&](auto& yield) {
        outside = &yield;
        generator<int> inner = [&](auto&) { yield(99); };
        BOOST_CHECK_THROW(inner.next(), crocus::wrong_fiber);
        yield(1);
        generator<int> other = [&](auto& inner_yield) {
            BOOST_CHECK_THROW(yield.from(count(3)), crocus::wrong_fiber);
            inner_yield(7);
        };
        BOOST_TEST(*other.next() == 7);
        yield(2);
    };
    auto it = g.begin();
    BOOST_CHECK_THROW((*outside)(98), crocus::wrong_fiber);  // from the main flow
    auto untouched = count(3);
    BOOST_CHECK_THROW(outside->from(untouched), crocus::wrong_fiber);
    BOOST_TEST((untouched.status() == status::created));
    BOOST_TEST(*it == 1);  // and not what was yielded from elsewhere
    ++it;
    BOOST_TEST(*it == 2);
    ++it;
    BOOST_TEST((it == g.end()));
}

BOOST_AUTO_TEST_CASE(a_stack_that_cannot_be_had_leaves_the_generator_unstarted) {
    generator<int> g([](auto& yield) { yield(1); }, 0);
    for (int i = 0; i != 2; ++i) {
        BOOST_CHECK_THROW(g.next(), crocus::usage_error);
        BOOST_TEST((g.status() == status::created));
    }
    BOOST_TEST(*generator<int>([](auto& yield) { yield(1); }, 4096).next() == 1);
}

BOOST_AUTO_TEST_CASE(a_body_that_destroys_its_own_generator_is_reported_and_runs_on_safely) {
    const crocus::test::reports reports;
    bool ran_on = false;
    using returning = generator<int, void, int>;
    std::unique_ptr<returning> g;
    g = std::make_unique<returning>([&](auto&) {
        g.reset();
        ran_on = true;
        return 5;
    });
    BOOST_TEST(g->next().result() == 5);
    BOOST_TEST(ran_on);
    BOOST_REQUIRE(reports.texts.size() == 1u);
    BOOST_TEST(reports.texts[0].find("generator_already_executing") != std::string::npos);
}
