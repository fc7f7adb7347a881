// yield.from: PEP 380.
#define BOOST_TEST_MODULE generator_delegation
#include <array>
#include <boost/test/unit_test.hpp>
#include <exception>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
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

// G61
BOOST_AUTO_TEST_CASE(what_leaves_the_inner_body_is_raised_where_it_was_delegated) {
    const auto failing = [](int yields) -> generator<int> {
        return [yields](auto& yield) {
            yield.from(count(yields));
            throw oops{yields};
        };
    };
    generator<int> outer = [&](auto& yield) {
        for (int yields : {0, 1}) {
            try {
                yield.from(failing(yields));
            } catch (const oops& e) {
                yield(100 + e.number);
            }
        }
        yield.from(failing(0));
    };
    const std::array expected{100, 0, 101};
    for (int value : expected) BOOST_TEST(*outer.next() == value);
    BOOST_CHECK_THROW(outer.next(), oops);
}

// G62
BOOST_AUTO_TEST_CASE(what_is_thrown_is_raised_in_the_inner_body_and_its_answer_comes_back) {
    bool outer_saw = false;
    generator<int, void, int> outer = [&](auto& yield) {
        generator<int, void, int> inner = [](auto& inner_yield) {
            try {
                inner_yield(1);
            } catch (const oops& e) {
                inner_yield(e.number);
            }
            try {
                inner_yield(2);
            } catch (const oops& e) {
                return e.number;
            }
            return 0;
        };
        try {
            const int result = yield.from(inner);
            yield(1000 + result);
        } catch (...) {
            outer_saw = true;
            throw;
        }
        return 0;
    };
    BOOST_TEST(*outer.next() == 1);
    BOOST_TEST(*outer.throw_(oops{50}) == 50);
    BOOST_TEST(*outer.next() == 2);
    BOOST_TEST(*outer.throw_(oops{60}) == 1060);  // inner caught it and returned
    BOOST_TEST(!outer_saw);
    BOOST_CHECK_THROW(outer.throw_(oops{70}), oops);
}

// G62
BOOST_AUTO_TEST_CASE(what_the_inner_body_does_not_catch_may_be_caught_by_the_outer_one) {
    generator<int> outer = [](auto& yield) {
        auto inner = count(3);
        try {
            yield.from(inner);
        } catch (const oops& e) {
            BOOST_TEST((inner.status() == status::closed));
            yield(e.number);
        }
    };
    outer.next();
    BOOST_TEST(*outer.throw_(oops{9}) == 9);
}

// G63
BOOST_AUTO_TEST_CASE(close_closes_the_inner_generator_first_and_then_the_outer_body) {
    std::string trace;
    const auto tracing = [&](char name) {
        return [&trace, name](auto& yield, auto inner) {
            try {
                if constexpr (std::is_same_v<decltype(inner), int>)
                    yield(inner);
                else
                    yield.from(inner);
            } catch (const crocus::generator_exit&) {
                trace += name;
                throw;
            }
        };
    };
    generator<int> outer = [&](auto& yield) {
        tracing('a')(yield, generator<int>([&](auto& middle) {
                         tracing('b')(middle, generator<int>([&](auto& leaf) { tracing('c')(leaf, 1); }));
                     }));
    };
    outer.next();
    outer.close();
    BOOST_TEST(trace == "cba");
}

// G63, G64, G65, G66, G67: TestInterestingEdgeCases of test_yield_from.py
BOOST_AUTO_TEST_CASE(closing_and_throwing_while_delegating_is_what_python_does) {
    using asked = generator<std::string, void, std::string>;
    using inner_answer = std::string (*)(asked::yielder&);
    enum class request { close, exit, stop, other };

    struct named_exit : crocus::generator_exit {};
    constexpr std::array<inner_answer, 6> answers{
        [](auto&) -> std::string { throw; },
        [](auto&) -> std::string { throw named_exit(); },
        [](auto&) -> std::string { throw crocus::stop_iteration<int>(1); },
        [](auto&) -> std::string { throw oops{1}; },
        [](auto& yield) -> std::string {
            yield("yielded");
            return "after";
        },
        [](auto&) -> std::string { return "returned"; }};

    const auto outcome = [](inner_answer answer, request r) -> std::string {
        asked outer = [answer](auto& yield) {
            asked inner = [answer](auto& inner_yield) -> std::string {
                try {
                    inner_yield("first");
                } catch (...) {
                    return answer(inner_yield);
                }
                return "";
            };
            return yield.from(inner);
        };
        outer.next();
        try {
            if (r == request::close) {
                auto returned = outer.close();
                return returned ? "closed with " + *returned : "closed";
            }
            auto s = r == request::exit   ? outer.throw_(crocus::generator_exit())
                     : r == request::stop ? outer.throw_(crocus::stop_iteration<int>(2))
                                          : outer.throw_(oops{2});
            return s.yielded() ? *s : "result " + s.result();
        } catch (const named_exit&) {
            return "inner exit";
        } catch (const crocus::generator_exit&) {
            return "exit";
        } catch (const crocus::generator_raised_stop_iteration&) {
            return "PEP 479";
        } catch (const crocus::generator_ignored_exit&) {
            return "ignored";
        } catch (const oops& e) {
            return "oops " + std::to_string(e.number);
        }
    };

    const std::array<std::array<std::string, 4>, 6> expected{{
        // close, generator_exit, stop_iteration, another exception     the inner body ...
        {"closed", "exit", "PEP 479", "oops 2"},                     // lets it pass
        {"closed", "exit", "inner exit", "inner exit"},              // throws a generator_exit of its own (G66)
        {"PEP 479", "PEP 479", "PEP 479", "PEP 479"},                // throws a stop_iteration
        {"oops 1", "oops 1", "oops 1", "oops 1"},                    // throws something else (G65)
        {"ignored", "ignored", "yielded", "yielded"},                // yields (G64)
        {"closed", "exit", "result returned", "result returned"},    // returns (G63)
    }};
    for (std::size_t a = 0; a != answers.size(); ++a)
        for (int r = 0; r != 4; ++r)
            BOOST_TEST(outcome(answers[a], static_cast<request>(r)) == expected[a][static_cast<std::size_t>(r)],
                       "answer " << a << ", request " << r << ": " << outcome(answers[a], static_cast<request>(r)));
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
