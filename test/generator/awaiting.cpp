// Bodies that await: what Python calls asynchronous generators.
#define BOOST_TEST_MODULE generator_awaiting
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <exception>
#include <string>

#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/virtual_time.hpp"

namespace {

using namespace std::chrono_literals;
using crocus::generator;
using crocus::test::run_virtual;

/// Waits before each value, inside two generators that delegate; says into `trace` where a cancellation is raised.
generator<std::string> waiting(std::string& trace) {
    const auto tracing = [&trace](char name, auto body) {
        return generator<std::string>([&trace, name, body](auto& yield) {
            try {
                body(yield);
            } catch (const crocus::cancelled_error&) {
                trace += name;
                throw;
            }
        });
    };
    const auto leaf = [&trace](auto& yield) {
        for (int i = 0; i != 2; ++i) {
            try {
                crocus::sleep(1s);
                yield("slept");
            } catch (const crocus::cancelled_error& e) {
                trace += "caught " + e.message() + " ";
                yield("cancelled");
            }
        }
        crocus::sleep(1s);
    };
    return tracing(
        'a', [=](auto& outer) { outer.from(tracing('b', [=](auto& middle) { middle.from(tracing('c', leaf)); })); });
}

}  // namespace

// G51
BOOST_AUTO_TEST_CASE(a_cancellation_that_came_before_a_resume_is_raised_in_the_innermost_body) {
    std::string trace;
    auto g = waiting(trace);
    run_virtual([&] {
        auto t = crocus::create_task([&] {
            BOOST_TEST(*g.next() == "slept");
            for (const char* message : {"one", "two"}) {
                crocus::current_task().cancel(message);
                if (message == std::string("two")) return static_cast<void>(g.next());
                BOOST_TEST(*g.next() == "cancelled");
            }
        });
        BOOST_CHECK_THROW(t.get(), crocus::cancelled_error);
    });
    BOOST_TEST(trace == "caught one cba");
}

// G51
BOOST_AUTO_TEST_CASE(a_cancellation_that_comes_while_a_delegate_waits_is_raised_there) {
    std::string trace;
    auto g = waiting(trace);
    run_virtual([&] {
        auto t = crocus::create_task([&] {
            BOOST_TEST(*g.next() == "slept");
            BOOST_TEST(*g.next() == "cancelled");
        });
        crocus::sleep(1500ms);
        t.cancel("now");
        t.get();
    });
    BOOST_TEST(trace == "caught now ");
}

// G55
BOOST_AUTO_TEST_CASE(a_stop_iteration_that_leaves_a_body_that_awaits_is_converted) {
    generator<int> g = [](auto& yield) {
        generator<int> inner = [](auto& inner_yield) {
            crocus::sleep(1s);
            inner_yield(1);
            crocus::sleep(1s);
        };
        for (;;) yield(inner.next().value());
    };
    run_virtual([&] {
        BOOST_TEST(*g.next() == 1);
        try {
            g.next();
            BOOST_ERROR("nothing was thrown");
        } catch (const crocus::generator_raised_stop_iteration& e) {
            BOOST_CHECK_THROW(std::rethrow_if_nested(e), crocus::stop_iteration_error);
        }
        BOOST_TEST(g.next().finished());
    });
}

// G5
BOOST_AUTO_TEST_CASE(a_value_whose_conversion_waits_is_refused_when_its_generator_runs_by_then) {
    struct slow {
        operator int() const {  // NOLINT: what is tested
            crocus::sleep(1s);
            return 5;
        }
    };
    run_virtual([] {
        generator<int, int> g = [](auto& yield) {
            for (;;) {
                BOOST_TEST(!yield(0));
                crocus::sleep(2s);
            }
        };
        g.next();
        auto sender = crocus::create_task([&] { BOOST_CHECK_THROW(g.send(slow()), crocus::generator_already_executing); });
        crocus::sleep(500ms);
        g.next();
        g.next();
        sender.get();
    });
}
