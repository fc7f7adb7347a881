// Every combination of what a fiber is doing when it is left, what its resumer is doing, and the thread it goes on on:
// each sees its own exceptions, by number. b2 test-all runs it over both switches and at every optimization.
#define BOOST_TEST_MODULE fiber_exception_matrix
#include <exception>
#include <functional>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "support/flow.hpp"

namespace data = boost::unit_test::data;

namespace {

using crocus::test::flow;

struct level {
    int number;
};

/// The exception that is being handled, by its number; 0: none.
int handled() {
    if (std::current_exception() == nullptr) return 0;
    try {
        throw;
    } catch (const level& mine) {
        return mine.number;
    }
}

void expect(int number, int uncaught) {
    BOOST_TEST(handled() == number);
    BOOST_TEST(std::uncaught_exceptions() == uncaught);
}

struct runs_when_destroyed {
    ~runs_when_destroyed() { f(); }
    const std::function<void()>& f;
};

void look_around(int number, int uncaught, const std::function<void()>& f) {
    expect(number, uncaught);
    f();
    expect(number, uncaught);
}

/// Runs f inside `depth` handlers, whose exceptions are numbered from `base` on, and there, if so asked, in a
/// destructor that an exception runs.
void inside(int depth, bool unwinding, int base, const std::function<void()>& f, int entered = 0) {
    const int number = entered == 0 ? 0 : base + entered;
    if (entered != depth) {
        try {
            throw level{base + entered + 1};
        } catch (const level& mine) {
            inside(depth, unwinding, base, f, entered + 1);
            BOOST_TEST(mine.number == base + entered + 1);
        }
    } else if (unwinding) {
        const std::function<void()> unwound = [&] { look_around(number, 1, f); };
        try {
            const runs_when_destroyed guard{unwound};
            throw level{base};
        } catch (const level& mine) {
            BOOST_TEST(mine.number == base);
        }
    } else {
        look_around(number, 0, f);
    }
    expect(number, 0);
}

constexpr void (flow::*ways[])() = {&flow::enter, &flow::enter_on_a_thread};

}  // namespace

BOOST_DATA_TEST_CASE(each_flow_has_its_own_exceptions_whatever_both_are_doing,
                     data::xrange(2) * data::xrange(2) * data::xrange(4) * data::xrange(2) * data::xrange(3) *
                         data::xrange(2),
                     first_way, second_way, depth, unwinding, resumer_depth, resumer_unwinding) {
    flow f([&](flow& self) {
        expect(0, 0);
        inside(depth, unwinding != 0, 100, [&] { self.leave(); });
        expect(0, 0);
    });
    const auto enter = [&](int way) { (f.*ways[way])(); };
    inside(resumer_depth, resumer_unwinding != 0, 200, [&] { enter(first_way); });
    expect(0, 0);
    inside(2 - resumer_depth, resumer_unwinding == 0, 300, [&] { enter(second_way); });
    expect(0, 0);
    BOOST_TEST(f.ended());
}
