// next, send, iteration and state. Throwing, closing, delegation and the rest: test/generator/.
#define BOOST_TEST_MODULE generator
#include <crocus/generator.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using crocus::generator;
using status = crocus::generator_status;

generator<int> count(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

template <class G>
auto values(G&& g) {
    std::vector<int> all;
    for (int i : g) all.push_back(i);
    return all;
}

/// Calls f when it is destroyed: what `finally` is in Python.
template <class F>
struct finally {
    explicit finally(F f) : call(std::move(f)) {}
    ~finally() { call(); }
    F call;
};

const std::vector<int> zero_one_two{0, 1, 2};

}  // namespace

// G1
BOOST_AUTO_TEST_CASE(making_a_generator_runs_no_code_of_its_body) {
    bool ran = false;
    generator<int> g = [&](auto& yield) {
        ran = true;
        yield(1);
    };
    BOOST_TEST(!ran);
    BOOST_TEST((g.status() == status::created));
    g.next();
    BOOST_TEST(ran);
}

BOOST_AUTO_TEST_CASE(next_gives_each_value_and_then_the_end) {
    auto g = count(2);
    BOOST_TEST(*g.next() == 0);
    BOOST_TEST(g.next().value() == 1);
    auto end = g.next();
    BOOST_TEST(end.finished());
    BOOST_TEST(!end.yielded());
    BOOST_CHECK_THROW(end.value(), crocus::stop_iteration<>);
}

// G2
BOOST_AUTO_TEST_CASE(a_yield_resumed_by_next_receives_nothing) {
    std::vector<std::optional<int>> seen;
    generator<int, int> g = [&](auto& yield) {
        for (;;) {
            auto got = yield(0);
            seen.push_back(got ? std::optional(*got) : std::nullopt);
            BOOST_TEST(got.has_value() == static_cast<bool>(got));
            if (!got) BOOST_CHECK_THROW(static_cast<void>(*got), crocus::nothing_sent);
        }
    };
    g.next();
    g.next();
    g.send(7);
    g.next();
    const std::vector<std::optional<int>> expected{std::nullopt, 7, std::nullopt};
    BOOST_TEST((seen == expected));
}

BOOST_AUTO_TEST_CASE(send_gives_the_value_to_the_yield_and_the_next_value_back) {
    generator<double, double> averager = [](auto& yield) {
        double total = 0, average = 0;
        for (int n = 1; auto term = yield(average); ++n) average = (total += *term) / n;
    };
    averager.next();
    BOOST_TEST(*averager.send(10.0) == 10.0);
    BOOST_TEST(*averager.send(30) == 20.0);
    BOOST_TEST(*averager.send(5.0) == 15.0);
    BOOST_TEST(averager.next().finished());
}

// G4
BOOST_AUTO_TEST_CASE(sending_to_a_finished_generator_is_just_its_end) {
    generator<int, int> g = [](auto& yield) { yield(1); };
    g.next();
    g.next();
    BOOST_TEST(g.send(2).finished());

    generator<int, int, int> closed_unstarted = [](auto& yield) { return *yield(1); };
    closed_unstarted.close();
    auto end = closed_unstarted.send(2);
    BOOST_TEST(end.finished());
    BOOST_TEST(!end.has_result());
    BOOST_CHECK_EXCEPTION(end.value(), crocus::stop_iteration_error, [](const auto& e) {
        return dynamic_cast<const crocus::stop_iteration<int>*>(&e) == nullptr;
    });
}

// G6
BOOST_AUTO_TEST_CASE(the_returned_value_is_reported_once_by_the_step_that_saw_the_end) {
    generator<int, void, std::string> g = [](auto& yield) {
        yield(1);
        return std::string("done");
    };
    auto first = g.next();
    BOOST_CHECK_THROW(first.result(), crocus::bad_step_access);
    auto end = g.next();
    BOOST_TEST(end.has_result());
    BOOST_TEST(end.result() == "done");
    BOOST_CHECK_THROW(static_cast<void>(*end), crocus::bad_step_access);
    auto later = g.next();
    BOOST_TEST(later.finished());
    BOOST_TEST(!later.has_result());
    BOOST_CHECK_THROW(later.result(), crocus::bad_step_access);
}

// G6
BOOST_AUTO_TEST_CASE(value_of_the_end_throws_a_stop_iteration_with_the_returned_value) {
    generator<int, void, std::unique_ptr<int>> g = [](auto&) { return std::make_unique<int>(3); };
    try {
        g.next().value();
        BOOST_ERROR("no stop_iteration");
    } catch (crocus::stop_iteration<std::unique_ptr<int>>& stop) {
        BOOST_TEST(*stop.value() == 3);
    }
}

// G7
BOOST_AUTO_TEST_CASE(returning_a_tuple_or_a_stop_iteration_gives_that_object) {
    generator<int, void, std::tuple<int>> tuple = [](auto&) { return std::tuple(2); };
    BOOST_TEST((tuple.next().result() == std::tuple(2)));
    using stop = crocus::stop_iteration<int>;
    generator<int, void, stop> stopping = [](auto&) { return stop(3); };
    try {
        stopping.next().value();
        BOOST_ERROR("no stop_iteration");
    } catch (const crocus::stop_iteration<stop>& outer) {
        BOOST_TEST(outer.value().value() == 3);
    }
}

// G9
BOOST_AUTO_TEST_CASE(a_finished_generator_stays_finished) {
    auto g = count(1);
    g.next();
    for (int i = 0; i != 3; ++i) BOOST_TEST(g.next().finished());
    BOOST_TEST((g.status() == status::closed));
    BOOST_TEST((g.begin() == g.end()));
}

// G10
BOOST_AUTO_TEST_CASE(an_exception_that_leaves_the_body_comes_out_of_next_and_finishes_the_generator) {
    bool unwound = false;
    generator<int> g = [&](auto& yield) {
        const finally mark([&] { unwound = true; });
        yield(1);
        throw std::runtime_error("broken");
    };
    g.next();
    BOOST_CHECK_THROW(g.next(), std::runtime_error);
    BOOST_TEST(unwound);
    BOOST_TEST((g.status() == status::closed));
    BOOST_TEST(g.next().finished());
}

// G11
BOOST_AUTO_TEST_CASE(iteration_ends_silently_and_drops_the_returned_value) {
    generator<int, void, int> g = [](auto& yield) {
        yield(0);
        yield(1);
        yield(2);
        return 9;
    };
    BOOST_TEST(values(g) == zero_one_two, boost::test_tools::per_element());
    BOOST_TEST(!g.next().has_result());
    BOOST_TEST(!g.close().has_value());
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_body_comes_out_of_begin_or_increment) {
    generator<int> at_once = [](auto&) { throw std::runtime_error("1"); };
    BOOST_CHECK_THROW(static_cast<void>(at_once.begin()), std::runtime_error);
    generator<int> later = [](auto& yield) {
        yield(1);
        throw std::runtime_error("2");
    };
    auto it = later.begin();
    BOOST_TEST(*it == 1);
    BOOST_CHECK_THROW(++it, std::runtime_error);
    BOOST_TEST((it == later.end()));
}

// G12
BOOST_AUTO_TEST_CASE(a_generator_yields_to_its_most_recent_resumer) {
    auto shared = count(4);
    std::vector<std::string> trace;
    const auto resume = [&](const std::string& who) {
        trace.push_back(who + std::to_string(*shared.next()));
        return 0;
    };
    generator<int> a = [&](auto& yield) {
        yield(resume("a"));
        yield(resume("a"));
    };
    generator<int> b = [&](auto& yield) { yield(resume("b")); };
    a.next();
    b.next();
    resume("main");
    a.next();
    const std::vector<std::string> expected{"a0", "b1", "main2", "a3"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
}

// G13
BOOST_AUTO_TEST_CASE(iteration_goes_on_where_the_generator_stands) {
    auto g = count(6);
    g.next();
    for (int i : g)
        if (i == 2) break;
    BOOST_TEST(*g.next() == 3);
    const std::vector<int> rest{4, 5};
    BOOST_TEST(values(g) == rest, boost::test_tools::per_element());
}

// G14
BOOST_AUTO_TEST_CASE(returning_is_no_exception_but_destroys_locals_which_may_yield) {
    bool handled = false;
    generator<int> g = [&](auto& yield) {
        try {
            const finally last([&] { yield(2); });
            yield(1);
            return;
        } catch (...) {
            handled = true;
        }
    };
    const std::vector<int> expected{1, 2};
    BOOST_TEST(values(g) == expected, boost::test_tools::per_element());
    BOOST_TEST(!handled);
}

// G15
BOOST_AUTO_TEST_CASE(a_stop_iteration_can_be_caught_inside_the_body) {
    generator<int> g = [](auto& yield) {
        auto inner = count(0);
        try {
            yield(inner.next().value());
        } catch (const crocus::stop_iteration_error&) {
            yield(2);
        }
    };
    BOOST_TEST(*g.next() == 2);
}

// G16
BOOST_AUTO_TEST_CASE(a_generator_moves_and_does_not_copy) {
    static_assert(!std::is_copy_constructible_v<generator<int>> && !std::is_copy_assignable_v<generator<int>>);
    static_assert(std::is_nothrow_move_constructible_v<generator<int>>);
    auto g = count(3);
    auto it = g.begin();
    generator<int> moved = std::move(g);
    BOOST_TEST((g.status() == status::closed));
    BOOST_CHECK_THROW(g.next(), crocus::generator_error);
    BOOST_CHECK_THROW(g.close(), crocus::generator_error);
    BOOST_CHECK_THROW(static_cast<void>(g.begin()), crocus::generator_error);
    ++it;  // it belongs to the generator, wherever that went
    BOOST_TEST(*it == 1);
    g = std::move(moved);
    BOOST_TEST(*g.next() == 2);
}

BOOST_AUTO_TEST_CASE(assigning_closes_the_old_generator) {
    bool closed = false;
    generator<int> g = [&](auto& yield) {
        const finally mark([&] { closed = true; });
        yield(1);
    };
    g.next();
    g = count(1);
    BOOST_TEST(closed);
    BOOST_TEST(*g.next() == 0);
}

// G75, G76, G80
BOOST_AUTO_TEST_CASE(the_status_is_that_of_pythons_generators) {
    generator<int>* self = nullptr;
    generator<int> g = [&](auto& yield) {
        BOOST_TEST((self->status() == status::running));
        yield(1);
        BOOST_TEST((self->status() == status::running));
    };
    self = &g;
    BOOST_TEST((g.status() == status::created));
    g.next();
    BOOST_TEST((g.status() == status::suspended));
    g.next();
    BOOST_TEST((g.status() == status::closed));
    generator<int> failing = [](auto&) { throw 1; };
    BOOST_CHECK_THROW(failing.next(), int);
    BOOST_TEST((failing.status() == status::closed));
    auto unstarted = count(1);
    unstarted.close();
    BOOST_TEST((unstarted.status() == status::closed));
}

// G79
BOOST_AUTO_TEST_CASE(a_generator_has_a_name_that_can_be_set_at_any_time) {
    auto g = count(1);
    BOOST_TEST(g.name() == "");
    g.set_name("numbers");
    BOOST_TEST(g.name() == "numbers");
    g.next();
    g.set_name("digits");
    generator<int> moved = std::move(g);
    BOOST_TEST(moved.name() == "digits");
    moved.next();
    BOOST_TEST(moved.name() == "digits");
    BOOST_CHECK_THROW(static_cast<void>(g.name()), crocus::generator_error);
    BOOST_TEST(count(1).name() == "");
}

BOOST_AUTO_TEST_CASE(yield_works_at_any_depth_through_the_yielder_that_is_passed_on) {
    struct tree {
        int value;
        std::vector<tree> children;
    };
    struct walk {
        static void down(const tree& t, generator<int>::yielder& yield) {
            yield(t.value);
            for (const tree& child : t.children) down(child, yield);
        }
    };
    const tree root{0, {{1, {{2, {}}}}, {3, {}}}};
    generator<int> g = [&](auto& yield) { walk::down(root, yield); };
    const std::vector<int> expected{0, 1, 2, 3};
    BOOST_TEST(values(g) == expected, boost::test_tools::per_element());
}
