// Each body has the exceptions that it handles, and those that unwind it, for itself.
#define BOOST_TEST_MODULE generator_exception_state
#include <boost/test/unit_test.hpp>
#include <exception>
#include <memory>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

namespace {

using crocus::generator;

struct exception_state {
    std::exception_ptr current = std::current_exception();
    int uncaught = std::uncaught_exceptions();

    bool operator==(const exception_state&) const = default;
};

const exception_state none{nullptr, 0};

struct level {
    int number;
};

using yielder = generator<int>::yielder;

/// Yields inside `depth` nested handlers, and looks at the exception state before and after.
void yield_in_handlers(yielder& yield, int depth) {
    const exception_state before;
    if (depth == 0) {
        yield(0);
        BOOST_TEST((before == exception_state()));
        yield(1);
    } else {
        try {
            throw level{depth};
        } catch (const level& mine) {
            yield_in_handlers(yield, depth - 1);
            BOOST_TEST(mine.number == depth);
        }
    }
    BOOST_TEST((before == exception_state()));
}

struct yields_when_destroyed {
    ~yields_when_destroyed() {
        const exception_state before;
        BOOST_TEST(before.uncaught == 1);
        yield_in_handlers(yield, depth);
        BOOST_TEST((before == exception_state()));
    }
    yielder& yield;
    int depth;
};

generator<int> in_handlers(int depth) {
    return [depth](auto& yield) { yield_in_handlers(yield, depth); };
}

generator<int> in_a_destructor(int depth) {
    return [depth](auto& yield) {
        try {
            const yields_when_destroyed guard{yield, depth};
            throw level{100};
        } catch (const level& mine) {
            BOOST_TEST(mine.number == 100);
        }
        BOOST_TEST((exception_state() == none));
    };
}

void next_here(generator<int>& g) { g.next(); }
void next_on_a_thread(generator<int>& g) {
    std::thread([&] { g.next(); }).join();
}

}  // namespace

// G18; users_ask T4
BOOST_AUTO_TEST_CASE(yielding_in_handlers_and_in_destructors_disturbs_nobody) {
    for (const auto make : {in_handlers, in_a_destructor})
        for (const auto next : {next_here, next_on_a_thread})
            for (int depth = 0; depth != 4; ++depth) {
                auto g = make(depth);
                next(g);
                BOOST_TEST((exception_state() == none));
                try {
                    throw level{-1};
                } catch (const level& mine) {
                    const exception_state before;
                    next(g);
                    BOOST_TEST((before == exception_state()));
                    BOOST_TEST(mine.number == -1);
                }
                next(g);
                BOOST_TEST((g.status() == crocus::generator_status::closed));
                BOOST_TEST((exception_state() == none));
            }
}

// G18: test_generators.ExceptionTest.except_next
BOOST_AUTO_TEST_CASE(a_body_does_not_see_what_its_resumer_handles) {
    generator<int> g = [](auto& yield) {
        BOOST_TEST((exception_state() == none));
        yield(1);
        BOOST_TEST((exception_state() == none));
    };
    try {
        throw level{1};
    } catch (const level&) {
        g.next();
    }
    g.next();
}

// G18: test_generators.ExceptionTest.except_gen_except
BOOST_AUTO_TEST_CASE(a_handler_that_yielded_still_handles_its_own_exception) {
    generator<int> g = [](auto& yield) {
        try {
            yield(0);
            throw level{1};
        } catch (...) {
            yield(1);
            BOOST_CHECK_THROW(throw, level);
            yield(2);
        }
        BOOST_TEST((std::current_exception() == nullptr));
        yield(3);
    };
    g.next();
    try {
        throw std::string("outside");
    } catch (...) {
        g.next();
        BOOST_CHECK_THROW(throw, std::string);
        g.next();
        g.next();
        BOOST_CHECK_THROW(throw, std::string);
    }
    BOOST_TEST(g.next().finished());
}

// G18: test_generators.ExceptionTest.nested_gen_except_loop
BOOST_AUTO_TEST_CASE(an_inner_generator_runs_in_the_handler_of_an_outer_one) {
    generator<int> g = [](auto& yield) {
        for (int round = 0; round != 3; ++round) {
            try {
                throw level{round};
            } catch (const level& mine) {
                for (int i : in_handlers(2)) yield(i);
                BOOST_TEST(mine.number == round);
                BOOST_CHECK_THROW(throw, level);
            }
        }
    };
    int values = 0;
    for (int i : g) {
        static_cast<void>(i);
        ++values;
        BOOST_TEST((exception_state() == none));
    }
    BOOST_TEST(values == 6);
}

BOOST_AUTO_TEST_CASE(handlers_of_many_generators_end_in_any_order) {
    std::vector<generator<int>> all;
    for (int i = 0; i != 20; ++i)
        all.emplace_back([i](auto& yield) {
            try {
                throw level{i};
            } catch (const level&) {
                yield(i);
                BOOST_CHECK_EXCEPTION(throw, level, [i](const level& mine) { return mine.number == i; });
            }
            yield(i);
        });
    for (std::size_t i = 0; i != all.size(); ++i) all[i * 7 % 20].next();
    for (std::size_t i = 0; i != all.size(); ++i) all[i * 13 % 20].next();
    for (std::size_t i = 0; i != all.size(); i += 2) all[i].close();
    BOOST_TEST((exception_state() == none));
}

BOOST_AUTO_TEST_CASE(a_generator_closed_in_a_handler_keeps_what_is_handled_alive) {
    auto owned = std::make_shared<int>(5);
    const std::weak_ptr<int> watched = owned;
    generator<int> g = [kept = std::move(owned)](auto& yield) {
        try {
            throw kept;
        } catch (const std::shared_ptr<int>& mine) {
            try {
                yield(1);
            } catch (const crocus::generator_exit&) {
                BOOST_TEST(*mine == 5);
                throw;
            }
        }
    };
    g.next();
    BOOST_TEST(!watched.expired());
    g.close();
    BOOST_TEST(watched.expired());
}

// users_ask T4
BOOST_AUTO_TEST_CASE(a_stream_that_swallows_exceptions_cannot_keep_a_closed_body_running) {
    struct yielding_buffer : std::streambuf {
        explicit yielding_buffer(yielder& y) : yield(y) {}
        int_type overflow(int_type c) override {
            yield(c);
            return c;
        }
        yielder& yield;
    };
    bool unwound = false;
    generator<int> g = [&](auto& yield) {
        struct mark {
            ~mark() { flag = true; }
            bool& flag;
        } const m{unwound};
        yielding_buffer buffer(yield);
        std::ostream out(&buffer);
        out << "abc";  // the standard has it catch what the buffer throws, and set badbit
        BOOST_TEST(out.bad());
    };
    BOOST_TEST(*g.next() == 'a');
    BOOST_TEST(*g.next() == 'b');
    g.close();
    BOOST_TEST(unwound);
    BOOST_TEST((g.status() == crocus::generator_status::closed));
}
