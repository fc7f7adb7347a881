// throw_, and what leaves a body.
#define BOOST_TEST_MODULE generator_throwing
#include <boost/test/unit_test.hpp>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/generator.hpp>

namespace {

using crocus::generator;
using status = crocus::generator_status;

struct oops {
    int number;
};

/// Yields 1, 2, ... and on an oops its number times 100, then goes on; returns how many oopses it had on a "stop".
generator<int, void, int> catching() {
    return [](auto& yield) {
        int caught = 0;
        int reply = 0;
        for (int i = 1;; ++i) {
            try {
                yield(reply != 0 ? reply : i);
                reply = 0;
            } catch (const oops& e) {
                ++caught;
                reply = e.number * 100;
            } catch (const std::string& stop) {
                return caught;
            }
        }
    };
}

}  // namespace

// G22
BOOST_AUTO_TEST_CASE(throw_raises_at_the_yield_and_gives_the_next_value_if_it_is_caught) {
    auto g = catching();
    g.next();
    BOOST_TEST(*g.throw_(oops{4}) == 400);
    BOOST_TEST(*g.throw_(std::make_exception_ptr(oops{5})) == 500);
    BOOST_TEST(*g.next() == 4);
}

// G23
BOOST_AUTO_TEST_CASE(a_body_that_catches_and_returns_ends_with_its_value) {
    auto g = catching();
    g.next();
    g.throw_(oops{1});
    auto end = g.throw_(std::string("stop"));
    BOOST_TEST(end.finished());
    BOOST_TEST(end.result() == 1);
}

// G24, G32
BOOST_AUTO_TEST_CASE(what_is_not_caught_comes_back_as_the_same_object_and_finishes_the_generator) {
    bool unwound = false;
    struct mark {
        ~mark() { flag = true; }
        bool& flag;
    };
    generator<int> g = [&](auto& yield) {
        const mark m{unwound};
        yield(1);
    };
    g.next();
    const auto thrown = std::make_exception_ptr(oops{7});
    try {
        g.throw_(thrown);
        BOOST_ERROR("nothing was thrown");
    } catch (const oops& e) {
        BOOST_TEST((std::current_exception() == thrown));
        BOOST_TEST(e.number == 7);
    }
    BOOST_TEST(unwound);
    BOOST_TEST((g.status() == status::closed));
    BOOST_TEST(g.next().finished());
}

// G25
BOOST_AUTO_TEST_CASE(throwing_into_an_unstarted_generator_closes_it_and_runs_nothing) {
    bool ran = false;
    generator<int> g = [&](auto& yield) {
        ran = true;
        yield(1);
    };
    BOOST_CHECK_THROW(g.throw_(oops{1}), oops);
    BOOST_TEST((g.status() == status::closed));
    BOOST_TEST(g.next().finished());
    BOOST_TEST(!ran);
}

// G26
BOOST_AUTO_TEST_CASE(throwing_into_a_finished_generator_gives_the_exception_back) {
    generator<int> g = [](auto&) {};
    g.next();
    BOOST_CHECK_THROW(g.throw_(oops{1}), oops);
    BOOST_CHECK_THROW(g.throw_(crocus::stop_iteration<>()), crocus::stop_iteration<>);
}

// G32
BOOST_AUTO_TEST_CASE(throwing_nothing_is_a_usage_error_that_harms_no_generator) {
    auto g = catching();
    BOOST_CHECK_THROW(g.throw_(std::exception_ptr()), crocus::usage_error);
    BOOST_TEST((g.status() == status::created));
    BOOST_TEST(*g.next() == 1);
    BOOST_CHECK_THROW(g.throw_(std::exception_ptr()), crocus::usage_error);
    BOOST_TEST(*g.next() == 2);
}

// G27, G52
BOOST_AUTO_TEST_CASE(a_thrown_stop_iteration_that_leaves_the_body_becomes_an_error_with_the_original_nested) {
    generator<int> g = [](auto& yield) { yield(1); };
    g.next();
    try {
        g.throw_(crocus::stop_iteration<int>(5));
        BOOST_ERROR("nothing was thrown");
    } catch (const crocus::generator_raised_stop_iteration& e) {
        try {
            std::rethrow_if_nested(e);
            BOOST_ERROR("nothing is nested");
        } catch (const crocus::stop_iteration<int>& original) {
            BOOST_TEST(original.value() == 5);
        }
    }
    BOOST_TEST((g.status() == status::closed));
    generator<int> unstarted = [](auto& yield) { yield(1); };
    BOOST_CHECK_THROW(unstarted.throw_(crocus::stop_iteration<>()), crocus::stop_iteration<>);
}

// G52
BOOST_AUTO_TEST_CASE(the_end_of_an_inner_generator_is_not_taken_for_the_end_of_the_outer_one) {
    generator<int> g = [](auto& yield) {
        generator<int> inner = [](auto& inner_yield) { inner_yield(1); };
        for (;;) yield(inner.next().value());
    };
    BOOST_TEST(*g.next() == 1);
    BOOST_CHECK_THROW(g.next(), crocus::generator_raised_stop_iteration);
    BOOST_TEST(g.next().finished());
}

// G53: the ends of other things are not taken for anything else.
BOOST_AUTO_TEST_CASE(whatever_else_leaves_a_body_is_not_converted) {
    const auto comes_out = [](const auto& error) {
        const auto thrown = std::make_exception_ptr(error);
        generator<int> g = [&](auto&) { std::rethrow_exception(thrown); };
        try {
            g.next();
        } catch (...) {
            return std::current_exception() == thrown;
        }
        return false;
    };
    BOOST_TEST(comes_out(crocus::incomplete_read_error("", 1)));
    BOOST_TEST(comes_out(crocus::executor_shut_down()));
    BOOST_TEST(comes_out(crocus::cancelled_error()));
    BOOST_TEST(comes_out(crocus::generator_exit()));
    BOOST_TEST(comes_out(crocus::generator_raised_stop_iteration()));
    BOOST_TEST(comes_out(std::out_of_range("the end")));
    BOOST_TEST(!comes_out(crocus::stop_iteration<>()));
}

// G36
BOOST_AUTO_TEST_CASE(a_generator_exit_that_nobody_asked_for_comes_out_of_next) {
    generator<int> g = [](auto&) { throw crocus::generator_exit(); };
    BOOST_CHECK_THROW(g.next(), crocus::generator_exit);
    BOOST_TEST((g.status() == status::closed));
}

// G31
BOOST_AUTO_TEST_CASE(a_handled_exception_leaves_no_trace_in_what_is_thrown_later) {
    generator<int> g = [](auto& yield) {
        try {
            yield(1);
        } catch (const oops&) {
        }
        BOOST_TEST((std::current_exception() == nullptr));
        try {
            yield(2);
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    };
    g.next();
    g.throw_(oops{1});
    try {
        g.throw_(std::string("second"));
        BOOST_ERROR("nothing was thrown");
    } catch (const std::runtime_error& e) {
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), std::string);
    }
}

// G29
BOOST_AUTO_TEST_CASE(what_is_thrown_in_has_no_context_and_what_the_body_handles_can_be_nested) {
    const auto thrown = std::make_exception_ptr(oops{2});
    generator<int> g = [&](auto& yield) {
        try {
            throw oops{1};
        } catch (const oops&) {
            try {
                yield(1);
            } catch (const oops& e) {
                BOOST_TEST(e.number == 2);
                BOOST_TEST((std::current_exception() == thrown));
            }
            std::throw_with_nested(std::runtime_error("outer"));
        }
    };
    g.next();
    try {
        try {
            throw std::string("what the resumer handles");
        } catch (const std::string&) {
            g.throw_(thrown);
        }
        BOOST_ERROR("nothing was thrown");
    } catch (const std::runtime_error& e) {
        BOOST_CHECK_EXCEPTION(std::rethrow_if_nested(e), oops, [](const oops& nested) { return nested.number == 1; });
    }
}

// G30
BOOST_AUTO_TEST_CASE(throwing_in_what_the_body_is_handling_makes_no_cycle) {
    std::exception_ptr handled;
    generator<int> g = [&](auto& yield) {
        try {
            throw std::runtime_error("first");
        } catch (const std::runtime_error&) {
            handled = std::current_exception();
            try {
                yield(1);
            } catch (...) {
                BOOST_TEST((std::current_exception() == handled));
                std::throw_with_nested(std::logic_error("second"));
            }
        }
    };
    g.next();
    std::string chain;
    const auto follow = [&](const auto& self, const std::exception& e) -> void {
        chain += e.what() + std::string(", ");
        try {
            std::rethrow_if_nested(e);
        } catch (const std::exception& nested) {
            if (chain.size() < 100) self(self, nested);
        }
    };
    try {
        g.throw_(handled);
        BOOST_ERROR("nothing was thrown");
    } catch (const std::logic_error& e) {
        follow(follow, e);
    }
    BOOST_TEST(chain == "second, first, ");
}

BOOST_AUTO_TEST_CASE(exceptions_may_be_thrown_in_while_the_body_handles_another) {
    std::vector<std::string> trace;
    generator<int> g = [&](auto& yield) {
        try {
            try {
                yield(1);
            } catch (const oops& first) {
                try {
                    yield(2);
                } catch (const oops& second) {
                    trace.push_back(std::to_string(first.number) + std::to_string(second.number));
                    yield(3);
                }
                trace.push_back(std::to_string(first.number));
                throw;
            }
        } catch (const oops& again) {
            trace.push_back("again " + std::to_string(again.number));
        }
    };
    g.next();
    g.throw_(oops{1});
    BOOST_TEST(*g.throw_(oops{2}) == 3);
    BOOST_TEST(g.next().finished());
    const std::vector<std::string> expected{"12", "1", "again 1"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_exception_object_may_be_thrown_into_many_generators_at_once) {
    const auto shared = std::make_exception_ptr(oops{9});
    std::vector<generator<int>> all;
    for (int i = 0; i != 3; ++i)
        all.emplace_back([&](auto& yield) {
            try {
                yield(0);
            } catch (const oops& e) {
                yield(e.number);
                BOOST_TEST((std::current_exception() == shared));
                throw;
            }
        });
    for (auto& g : all) g.next();
    for (auto& g : all) BOOST_TEST(*g.throw_(shared) == 9);
    for (auto& g : all) BOOST_CHECK_THROW(g.next(), oops);
}
