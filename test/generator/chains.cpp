// Chains of generators that delegate: what is entered, what ends, and who shares whom.
#define BOOST_TEST_MODULE generator_chains
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

#include "support/reports.hpp"
#include "support/seeds.hpp"

namespace {

using crocus::generator;
using status = crocus::generator_status;
using talking = generator<std::string, int, int>;

struct oops {
    int number;
};

generator<int> count(int stop) {
    return [stop](auto& yield) {
        for (int i = 0; i < stop; ++i) yield(i);
    };
}

/// `depth` generators that do nothing but delegate, over one that counts.
generator<int, void, int> tower(int depth, int stop) {
    return [depth, stop](auto& yield) -> int {
        if (depth != 0) return yield.from(tower(depth - 1, stop)) + 1;
        for (int i = 0; i < stop; ++i) yield(i);
        return 0;
    };
}

}  // namespace

// G57, G58, G60
BOOST_AUTO_TEST_CASE(values_and_results_pass_a_thousand_delegators) {
    auto g = tower(1'000, 50);
    for (int i = 0; i < 50; ++i) BOOST_TEST(*g.next() == i);
    BOOST_TEST(g.next().result() == 1'000);
}

// G62
BOOST_AUTO_TEST_CASE(an_exception_passes_a_thousand_delegators) {
    int passed = 0;
    const std::function<talking(int)> level = [&](int depth) -> talking {
        return [&, depth](auto& yield) -> int {
            try {
                if (depth != 0) return yield.from(level(depth - 1));
                yield("leaf");
            } catch (const oops&) {
                ++passed;
                throw;
            }
            return 0;
        };
    };
    auto g = level(1'000);
    g.next();
    BOOST_CHECK_THROW(g.throw_(oops{1}), oops);
    BOOST_TEST(passed == 1'001);
    BOOST_TEST((g.status() == status::closed));
}

// G63
BOOST_AUTO_TEST_CASE(a_close_closes_a_thousand_delegators_from_the_leaf_up) {
    std::vector<int> closed;
    const std::function<generator<int>(int)> level = [&](int depth) -> generator<int> {
        return [&, depth](auto& yield) {
            try {
                if (depth == 0)
                    yield(0);
                else
                    yield.from(level(depth - 1));
            } catch (const crocus::generator_exit&) {
                closed.push_back(depth);
                throw;
            }
        };
    };
    auto g = level(1'000);
    g.next();
    g.close();
    BOOST_REQUIRE(closed.size() == 1'001u);
    for (int i = 0; i <= 1'000; ++i) BOOST_TEST(closed[static_cast<std::size_t>(i)] == i);
}

// G5, G68
BOOST_AUTO_TEST_CASE(every_member_of_a_deep_chain_runs_while_its_leaf_does_and_cannot_be_resumed) {
    std::vector<generator<int>*> chain;
    const std::function<void(generator<int>::yielder&, int)> level = [&](auto& yield, int depth) {
        if (depth == 0) {
            for (int round = 0; round != 3; ++round) {
                for (std::size_t i = 0; i < chain.size(); i += chain.size() / 10) {
                    BOOST_TEST((chain[i]->status() == status::running));
                    BOOST_CHECK_THROW(chain[i]->next(), crocus::generator_already_executing);
                    BOOST_CHECK_THROW(chain[i]->close(), crocus::generator_already_executing);
                }
                yield(round);
            }
            return;
        }
        generator<int> inner = [&, depth](auto& inner_yield) { level(inner_yield, depth - 1); };
        chain.push_back(&inner);
        yield.from(inner);
        chain.pop_back();
    };
    generator<int> outer = [&](auto& yield) { level(yield, 1'000); };
    chain.push_back(&outer);
    for (int round = 0; round != 3; ++round) {
        BOOST_TEST(*outer.next() == round);
        for (auto* g : chain) BOOST_TEST((g->status() == status::suspended));
    }
    BOOST_TEST(outer.next().finished());
}

// G5
BOOST_AUTO_TEST_CASE(a_delegator_whose_delegate_somebody_else_runs_is_told_in_its_body) {
    generator<int>* outer_seen = nullptr;
    std::string trace;
    generator<int> inner = [&](auto& yield) {
        yield(1);
        BOOST_TEST((outer_seen->status() == status::suspended));
        BOOST_TEST(*outer_seen->next() == 100);
        yield(2);
    };
    generator<int> outer = [&](auto& yield) {
        try {
            yield.from(inner);
        } catch (const crocus::generator_already_executing&) {
            trace += "told";
            yield(100);
        }
    };
    outer_seen = &outer;
    BOOST_TEST(*outer.next() == 1);
    BOOST_TEST(*inner.next() == 2);
    BOOST_TEST(trace == "told");
    BOOST_TEST(outer.next().finished());
    BOOST_TEST(inner.next().finished());
}

// G78
BOOST_AUTO_TEST_CASE(who_is_delegated_to_can_be_asked_while_the_delegator_is_suspended) {
    auto inner = count(2);
    generator<int>* seen = nullptr;
    generator<int> outer = [&](auto& yield) {
        yield(-1);
        BOOST_TEST(!seen->delegates_to(inner));  // it runs
        yield.from(inner);
        yield(-2);
    };
    seen = &outer;
    BOOST_TEST(!outer.delegates_to(inner));
    outer.next();
    BOOST_TEST(!outer.delegates_to(inner));
    outer.next();
    BOOST_TEST(outer.delegates_to(inner));
    BOOST_TEST(!outer.delegates_to(outer));
    outer.next();
    outer.next();
    BOOST_TEST(!outer.delegates_to(inner));
}

// G70
BOOST_AUTO_TEST_CASE(one_generator_serves_towers_of_delegators_and_its_result_goes_to_the_one_that_sees_the_end) {
    generator<int, void, int> shared = [](auto& yield) {
        for (int i = 0; i < 5; ++i) yield(i);
        return 99;
    };
    const std::function<generator<int, void, int>(int)> over = [&](int depth) -> generator<int, void, int> {
        return [&, depth](auto& yield) { return depth == 0 ? yield.from(shared) : yield.from(over(depth - 1)); };
    };
    auto a = over(0), b = over(3), c = over(1'000);
    BOOST_TEST(*a.next() == 0);
    BOOST_TEST(*b.next() == 1);
    BOOST_TEST(*c.next() == 2);
    BOOST_TEST(*a.next() == 3);
    BOOST_TEST(*c.next() == 4);
    BOOST_TEST(b.next().result() == 99);
    BOOST_CHECK_THROW(a.next(), crocus::bad_step_access);
    BOOST_CHECK_THROW(c.next(), crocus::bad_step_access);
}

// G71
BOOST_AUTO_TEST_CASE(a_member_in_the_middle_may_be_resumed_closed_or_finished_by_somebody_else) {
    auto leaf = count(10);
    generator<int> middle = [&](auto& yield) {
        yield.from(leaf);
        yield(77);
    };
    generator<int> outer = [&](auto& yield) {
        yield.from(middle);
        yield(88);
    };
    BOOST_TEST(*outer.next() == 0);
    BOOST_TEST(*middle.next() == 1);
    BOOST_TEST(*leaf.next() == 2);
    BOOST_TEST(*outer.next() == 3);
    leaf.close();
    BOOST_TEST(*outer.next() == 77);
    middle.close();
    BOOST_TEST(*outer.next() == 88);
    BOOST_TEST(outer.next().finished());
}

BOOST_AUTO_TEST_CASE(a_delegate_that_its_owner_destroys_is_an_error_in_the_body_that_delegates) {
    auto inner = std::make_unique<generator<int>>(count(5));
    generator<int> middle = [&](auto& yield) { yield.from(*inner); };
    generator<int> outer = [&](auto& yield) {
        try {
            yield.from(middle);
        } catch (const crocus::generator_error& e) {
            BOOST_TEST(std::string(e.what()).find("destroyed") != std::string::npos);
            yield(9);
        }
    };
    BOOST_TEST(*outer.next() == 0);
    inner.reset();
    BOOST_TEST(*outer.next() == 9);
    BOOST_TEST(outer.next().finished());

    inner = std::make_unique<generator<int>>(count(5));
    generator<int> closed = [&](auto& yield) { yield.from(*inner); };
    closed.next();
    inner.reset();
    closed.close();
    BOOST_TEST((closed.status() == status::closed));
}

BOOST_AUTO_TEST_CASE(a_running_chain_whose_member_is_destroyed_goes_on_and_the_destruction_is_reported) {
    const crocus::test::reports reports;
    std::unique_ptr<generator<int>> middle;
    generator<int> outer = [&](auto& yield) { yield.from(*middle); };
    middle = std::make_unique<generator<int>>([&](auto& yield) {
        yield.from(generator<int>([&](auto& leaf) {
            leaf(1);
            middle.reset();
            leaf(2);
        }));
    });
    BOOST_TEST(*outer.next() == 1);
    BOOST_TEST(*outer.next() == 2);
    BOOST_REQUIRE(reports.texts.size() == 1u);
    BOOST_TEST(outer.next().finished());
}

// G67, G70, G71: whatever is done to a forest of generators that delegate to each other, yield.from does what the
// expansion in PEP 380 says, which is written out here over next, send, throw_ and close.
BOOST_AUTO_TEST_CASE(random_forests_behave_as_the_expansion_of_pep_380) {
    constexpr std::size_t members = 6;

    struct forest {
        explicit forest(bool expanded, unsigned seed) : expanded_(expanded), chance_(seed) {
            for (std::size_t i = 0; i != members; ++i) all_.push_back(member(i));
        }
        forest(const forest&) = delete;
        forest& operator=(const forest&) = delete;
        ~forest() {
            ending_ = true;  // all leave, before the first is gone
            for (std::size_t i = 0; i != members; ++i) act(1, i);
        }

        std::string act(unsigned what, std::size_t whom) {
            talking& g = all_[whom];
            try {
                switch (what % 8) {
                    case 0: return text(g.throw_(oops{static_cast<int>(what)}));
                    case 1: {
                        const auto returned = g.close();
                        return returned ? "closed " + std::to_string(*returned) : "closed";
                    }
                    case 2:
                    case 3: return text(g.send(static_cast<int>(what)));
                    case 4:
                        if (what % 5 == 0) return text(g.throw_(crocus::generator_exit()));
                        [[fallthrough]];
                    default: return text(g.next());
                }
            } catch (...) {
                return told(std::current_exception());
            }
        }

        std::string states() const {
            std::string s;
            for (const auto& g : all_) s += static_cast<char>('0' + static_cast<int>(g.status()));
            return s;
        }

        std::string trace;

    private:
        static std::string text(talking::step_type s) {
            if (s.yielded()) return *s;
            return s.has_result() ? "result " + std::to_string(s.result()) : "end";
        }
        static std::string told(const std::exception_ptr& error) {
            try {
                std::rethrow_exception(error);
            } catch (const oops& e) {
                return "oops " + std::to_string(e.number);
            } catch (const crocus::generator_exit&) {
                return "exit";
            } catch (const std::exception& e) {
                return e.what();
            }
        }

        /// What Python's yield from stands for, with nothing of ours but single steps.
        static int expansion(talking::yielder& yield, talking& inner) {
            auto s = inner.next();
            while (s.yielded()) {
                std::exception_ptr thrown;
                talking::received_type got;
                try {
                    got = yield(*s);
                } catch (const crocus::generator_exit&) {
                    inner.close();
                    throw;
                } catch (...) {
                    thrown = std::current_exception();
                }
                s = thrown ? inner.throw_(thrown) : got ? inner.send(*got) : inner.next();
            }
            return s.result();
        }

        talking member(std::size_t self) {
            return [this, self](auto& yield) -> int {
                const std::string name(1, static_cast<char>('a' + self));
                for (int turn = 0; turn != 5; ++turn) {
                    try {
                        switch (chance_() % 7) {
                            case 0: throw oops{turn};
                            case 1:
                            case 2: {
                                talking& inner = all_[chance_() % members];
                                trace += name + " delegates, ";
                                trace += std::to_string(expanded_ ? expansion(yield, inner) : yield.from(inner));
                                break;
                            }
                            case 3: trace += name + " acts: " + act(chance_() % 64, chance_() % members) + ", "; break;
                            default: {
                                const auto got = yield(name + std::to_string(turn));
                                trace += name + (got ? " got, " : " goes on, ");
                            }
                        }
                    } catch (const crocus::generator_exit&) {
                        trace += name + " exits, ";
                        if (ending_) throw;
                        if (chance_() % 4 == 0) continue;
                        if (chance_() % 2 == 0) return 7;
                        throw;
                    } catch (...) {
                        const std::string what = told(std::current_exception());
                        trace += name + " sees " + what + ", ";
                        if (ending_ || chance_() % 2 == 0) throw;
                    }
                }
                return static_cast<int>(self);
            };
        }

        bool expanded_, ending_ = false;
        std::minstd_rand chance_;
        std::vector<talking> all_;
    };

    const crocus::test::seed_range seeds(2'000);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) {
        forest ours(false, seed), reference(true, seed);
        std::minstd_rand script(seed + 1'000'000);
        std::string log;
        for (int i = 0; i != 30; ++i) {
            const unsigned what = script() % 64;
            const std::size_t whom = script() % members;
            const std::string here = ours.act(what, whom), there = reference.act(what, whom);
            log += static_cast<char>('a' + whom) + (" " + std::to_string(what % 8)) + ": " + there + " [" +
                   reference.states() + "]\n";
            const bool same = here == there && ours.states() == reference.states() && ours.trace == reference.trace;
            BOOST_REQUIRE_MESSAGE(same, "seed " << seed << ", after\n"
                                                << log << "came " << here << " [" << ours.states() << "]\n"
                                                << ours.trace << "\n"
                                                << reference.trace);
        }
    }
}
