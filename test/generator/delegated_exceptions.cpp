// yield.from: what is thrown, and what is closed.
#define BOOST_TEST_MODULE generator_delegated_exceptions
#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <type_traits>

#include <crocus/generator.hpp>

namespace {

using crocus::generator;
using status = crocus::generator_status;

struct oops {
    int number;
};

generator<int> count(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

}  // namespace

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
    constexpr std::array<inner_answer, 6> answers{[](auto&) -> std::string { throw; },
                                                  [](auto&) -> std::string { throw named_exit(); },
                                                  [](auto&) -> std::string { throw crocus::stop_iteration<int>(1); },
                                                  [](auto&) -> std::string { throw oops{1}; },
                                                  [](auto& yield) -> std::string {
                                                      yield("yielded");
                                                      return "after";
                                                  },
                                                  [](auto&) -> std::string { return "returned"; }};

    struct tower {
        static asked of(int delegators, inner_answer answer) {
            return [delegators, answer](auto& yield) -> std::string {
                if (delegators != 0) return yield.from(of(delegators - 1, answer));
                try {
                    yield("first");
                } catch (...) {
                    return answer(yield);
                }
                return "";
            };
        }
    };
    const auto outcome = [](int delegators, inner_answer answer, request r) -> std::string {
        asked outer = tower::of(delegators, answer);
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
        {"closed", "exit", "PEP 479", "oops 2"},                   // lets it pass
        {"closed", "exit", "inner exit", "inner exit"},            // throws a generator_exit of its own (G66)
        {"PEP 479", "PEP 479", "PEP 479", "PEP 479"},              // throws a stop_iteration
        {"oops 1", "oops 1", "oops 1", "oops 1"},                  // throws something else (G65)
        {"ignored", "ignored", "yielded", "yielded"},              // yields (G64)
        {"closed", "exit", "result returned", "result returned"},  // returns (G63)
    }};
    for (const int delegators : {1, 2, 1'000})
        for (std::size_t a = 0; a != answers.size(); ++a)
            for (int r = 0; r != 4; ++r) {
                const std::string came = outcome(delegators, answers[a], static_cast<request>(r));
                BOOST_TEST(came == expected[a][static_cast<std::size_t>(r)],
                           delegators << " delegators, answer " << a << ", request " << r << ": " << came);
            }
}
