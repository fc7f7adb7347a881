// yield.from: PEP 380. What is thrown and closed: delegated_exceptions.cpp.
#define BOOST_TEST_MODULE generator_delegation
#include <boost/test/unit_test.hpp>
#include <list>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

namespace {

using crocus::generator;
using status = crocus::generator_status;
using talking = generator<std::string, std::string, std::string>;

struct oops {
    int number;
};

template <class T>
concept can_be_delegated_to = requires(generator<int>::yielder& yield, T& what) {
    yield.from(what);
};

generator<int> count(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

std::vector<int> values(generator<int> g) {
    std::vector<int> all;
    for (int i : g) all.push_back(i);
    return all;
}

/// Answers what it is sent, until it is sent "stop".
talking echo(std::string name) {
    return [name](auto& yield) {
        std::string answer = name + " starts";
        for (;;) {
            auto got = yield(answer);
            if (got && *got == "stop") return name + " ends";
            answer = name + " got " + (got ? *got : "nothing");
        }
    };
}

}  // namespace

// G57, G58, G59, G60
BOOST_AUTO_TEST_CASE(next_and_send_reach_the_inner_generator_and_its_result_is_the_expressions_value) {
    int outer_turns = 0;
    talking outer = [&](auto& yield) {
        auto first = echo("a");
        std::string last = yield.from(first);
        ++outer_turns;
        last += ", " + yield.from(echo("b"));
        ++outer_turns;
        return last;
    };
    BOOST_TEST(*outer.next() == "a starts");
    BOOST_TEST(*outer.send("x") == "a got x");
    BOOST_TEST(*outer.next() == "a got nothing");
    BOOST_TEST(outer_turns == 0);
    BOOST_TEST(*outer.send("stop") == "b starts");
    BOOST_TEST(*outer.send("y") == "b got y");
    auto end = outer.send("stop");
    BOOST_TEST(end.result() == "a ends, b ends");
    BOOST_TEST(outer_turns == 2);
}

// G57
BOOST_AUTO_TEST_CASE(what_the_outer_body_was_sent_before_is_not_sent_to_the_inner_one) {
    talking outer = [](auto& yield) {
        auto got = yield("outer");
        BOOST_TEST(*got == "early");
        return yield.from(echo("inner"));
    };
    outer.next();
    BOOST_TEST(*outer.send("early") == "inner starts");
}

// G56
BOOST_AUTO_TEST_CASE(delegating_to_what_is_empty_or_finished_is_complete_at_once) {
    const std::vector<int> only{7};
    BOOST_TEST(values([](auto& yield) {
                   yield.from(count(0));
                   yield.from(std::vector<int>());
                   auto finished = count(1);
                   finished.close();
                   yield.from(finished);
                   yield(7);
               }) == only,
               boost::test_tools::per_element());
}

// G5, G68
BOOST_AUTO_TEST_CASE(the_whole_chain_runs_while_its_leaf_does) {
    std::vector<generator<int>*> chain;
    generator<int> outer = [&](auto& yield) {
        generator<int> middle = [&](auto& middle_yield) {
            generator<int> leaf = [&](auto& leaf_yield) {
                for (auto* g : chain) {
                    BOOST_TEST((g->status() == status::running));
                    BOOST_CHECK_THROW(g->next(), crocus::generator_already_executing);
                    BOOST_CHECK_THROW(g->throw_(oops{1}), crocus::generator_already_executing);
                    BOOST_CHECK_THROW(g->close(), crocus::generator_already_executing);
                }
                leaf_yield(1);
            };
            chain.push_back(&leaf);
            middle_yield.from(leaf);
        };
        chain.push_back(&middle);
        yield.from(middle);
    };
    chain.push_back(&outer);
    BOOST_TEST(*outer.next() == 1);
    for (auto* g : chain) BOOST_TEST((g->status() == status::suspended));
    BOOST_TEST(outer.next().finished());
}

// G69
BOOST_AUTO_TEST_CASE(delegating_to_itself_is_an_error_in_the_body) {
    generator<int>* self = nullptr;
    generator<int> g = [&](auto& yield) {
        BOOST_CHECK_THROW(yield.from(*self), crocus::generator_already_executing);
        yield(1);
    };
    self = &g;
    BOOST_TEST(*g.next() == 1);
}

// G70
BOOST_AUTO_TEST_CASE(several_generators_may_delegate_to_one) {
    auto shared = count(4);
    const auto delegator = [&]() -> generator<int> { return [&](auto& yield) { yield.from(shared); }; };
    auto a = delegator(), b = delegator();
    BOOST_TEST(*a.next() == 0);
    BOOST_TEST(*b.next() == 1);
    BOOST_TEST(*a.next() == 2);
    BOOST_TEST(*b.next() == 3);
    BOOST_TEST(a.next().finished());
    BOOST_TEST(b.next().finished());
}

// G71
BOOST_AUTO_TEST_CASE(somebody_else_may_resume_the_inner_generator_and_take_its_result) {
    auto inner = echo("inner");
    talking outer = [&](auto& yield) { return yield.from(inner); };
    outer.next();
    BOOST_TEST(*inner.send("aside") == "inner got aside");
    BOOST_TEST(*outer.send("again") == "inner got again");
    BOOST_TEST(inner.send("stop").result() == "inner ends");
    BOOST_CHECK_THROW(outer.next(), crocus::bad_step_access);  // Python gives None, which is no std::string
}

// G59
BOOST_AUTO_TEST_CASE(an_inner_generator_that_takes_nothing_may_be_delegated_to_until_something_is_sent) {
    generator<int, int> outer = [](auto& yield) {
        generator<int, void, int> inner = [](auto& inner_yield) {
            try {
                inner_yield(1);
            } catch (const oops&) {
                inner_yield(2);
            }
            return 3;
        };
        yield(yield.from(inner));
        auto refusing = count(5);
        try {
            yield.from(refusing);
        } catch (const crocus::generator_error&) {
            BOOST_TEST((refusing.status() == status::suspended));
            auto got = yield(4);
            BOOST_TEST(!got);  // what was refused is gone
        }
    };
    BOOST_TEST(*outer.next() == 1);
    BOOST_TEST(*outer.throw_(oops{1}) == 2);
    BOOST_TEST(*outer.next() == 3);
    BOOST_TEST(*outer.next() == 0);
    BOOST_TEST(*outer.send(8) == 4);
    BOOST_TEST(outer.next().finished());
}

// G74
BOOST_AUTO_TEST_CASE(any_range_can_be_delegated_to_and_knows_no_protocol) {
    generator<int, int> outer = [](auto& yield) {
        yield.from(std::vector{1, 2});
        const std::list<short> shorts{3};
        yield.from(shorts);
        yield.from(std::views::iota(4, 6));
        try {
            yield.from(std::vector{6, 7});
        } catch (const oops&) {
            yield(60);
        }
        yield.from(std::vector{8, 9});
    };
    for (int i = 1; i <= 6; ++i) BOOST_TEST(*outer.next() == i);
    BOOST_TEST(*outer.throw_(oops{1}) == 60);
    BOOST_TEST(*outer.next() == 8);
    BOOST_CHECK_THROW(outer.send(5), crocus::generator_error);  // G59
    BOOST_TEST((outer.status() == status::closed));
}

// G20
BOOST_AUTO_TEST_CASE(a_range_is_asked_for_its_beginning_once) {
    struct watched {
        [[nodiscard]] const int* begin() const { return ++*begins, elements; }
        [[nodiscard]] const int* end() const { return elements + 3; }
        int* begins;
        int elements[3]{0, 1, 2};
    };
    int begins = 0;
    const watched range{&begins};
    generator<int> outer = [&](auto& yield) { yield.from(range); };
    BOOST_TEST(begins == 0);
    const std::vector<int> expected{0, 1, 2};
    BOOST_TEST(values(std::move(outer)) == expected, boost::test_tools::per_element());
    BOOST_TEST(begins == 1);
}

// G21: what is no range does not compile.
BOOST_AUTO_TEST_CASE(a_range_that_fails_does_so_where_it_is_delegated_to) {
    static_assert(can_be_delegated_to<std::vector<int>> && can_be_delegated_to<generator<int>>);
    static_assert(!can_be_delegated_to<int> && !can_be_delegated_to<std::vector<std::string>>);
    struct failing {
        [[nodiscard]] int* begin() const { throw oops{7}; }
        [[nodiscard]] int* end() const { return nullptr; }
    };
    generator<int> outer = [](auto& yield) {
        yield(0);
        try {
            yield.from(failing());
        } catch (const oops& e) {
            yield(e.number);
        }
    };
    BOOST_TEST(*outer.next() == 0);
    BOOST_TEST(*outer.next() == 7);
}

BOOST_AUTO_TEST_CASE(a_generator_of_another_type_counts_as_a_range_and_its_temporary_is_closed) {
    bool inner_closed = false;
    generator<double> outer = [&](auto& yield) {
        yield.from(generator<int>([&](auto& inner_yield) {
            try {
                inner_yield(1);
            } catch (const crocus::generator_exit&) {
                inner_closed = true;
                throw;
            }
        }));
    };
    BOOST_TEST(*outer.next() == 1.0);
    outer.close();
    BOOST_TEST(inner_closed);
}

BOOST_AUTO_TEST_CASE(what_only_moves_passes_through_a_delegation_without_a_copy) {
    using pointer = std::unique_ptr<int>;
    generator<pointer, pointer, pointer> outer = [](auto& yield) {
        return yield.from(generator<pointer, pointer, pointer>([](auto& inner_yield) {
            auto got = inner_yield(std::make_unique<int>(1));
            return got ? *std::move(got) : nullptr;
        }));
    };
    BOOST_TEST(**outer.next() == 1);
    BOOST_TEST(*outer.send(std::make_unique<int>(2)).result() == 2);
}

BOOST_AUTO_TEST_CASE(references_pass_through_a_delegation_as_they_are) {
    int place = 1;
    generator<int&> outer = [&](auto& yield) {
        yield.from(generator<int&>([&](auto& inner_yield) { inner_yield(place); }));
    };
    for (int& i : outer) BOOST_TEST(&i == &place);
}

// G87
BOOST_AUTO_TEST_CASE(a_recursive_generator_delegates_to_itself_at_any_depth) {
    struct down {
        static generator<int> from(int depth) {
            return [depth](auto& yield) {
                yield(depth);
                if (depth != 0) yield.from(from(depth - 1));
            };
        }
    };
    int expected = 200;
    for (int i : down::from(200)) BOOST_TEST(i == expected--);
    BOOST_TEST(expected == -1);
}
