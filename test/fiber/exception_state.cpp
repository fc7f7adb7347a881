// Each fiber has the exceptions that it handles, and those that unwind it, for itself.
#define BOOST_TEST_MODULE fiber_exception_state
#include <boost/test/unit_test.hpp>
#include <exception>

#include "support/flow.hpp"

namespace {

using crocus::test::flow;

/// What the C++ runtime says about exceptions here.
struct exception_state {
    std::exception_ptr current = std::current_exception();
    int uncaught = std::uncaught_exceptions();

    bool operator==(const exception_state&) const = default;
};

struct level {
    int number;
};

/// Leaves inside `depth` nested handlers, and looks at the exception state on the way in and out.
void leave_in_handlers(flow& self, int depth) {
    const exception_state before;
    if (depth == 0) {
        self.leave();
    } else {
        try {
            throw level{depth};
        } catch (const level& caught) {
            leave_in_handlers(self, depth - 1);
            BOOST_TEST(caught.number == depth);
        }
    }
    BOOST_TEST((before == exception_state()));
}

struct leaves_when_destroyed {
    ~leaves_when_destroyed() {
        const exception_state before;
        BOOST_TEST(before.uncaught == expected);
        leave_in_handlers(self, 2);
        BOOST_TEST((before == exception_state()));
    }
    flow& self;
    int expected;
};

/// Leaves in a destructor that runs because an exception unwinds, inside `depth` nested handlers.
void leave_while_unwinding(flow& self, int depth) {
    if (depth != 0) {
        try {
            throw level{depth};
        } catch (const level&) {
            leave_while_unwinding(self, depth - 1);
        }
        return;
    }
    try {
        const leaves_when_destroyed guard{self, 1};
        throw level{100};
    } catch (const level& caught) {
        BOOST_TEST(caught.number == 100);
    }
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

using enter_in_some_way = void (flow::*)();
constexpr enter_in_some_way ways[] = {&flow::enter, &flow::enter_on_a_thread};

}  // namespace

// G18; users_ask T4
BOOST_AUTO_TEST_CASE(leaving_in_nested_handlers_keeps_the_exception_state_of_each_fiber) {
    for (const auto enter : ways)
        for (int depth = 0; depth != 4; ++depth)
            for (int outer_depth = 0; outer_depth != 2; ++outer_depth) {
                flow f([&](flow& self) {
                    BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
                    leave_in_handlers(self, depth);
                });
                const exception_state before;
                (f.*enter)();
                BOOST_TEST((before == exception_state()));
                try {
                    if (outer_depth != 0) throw level{-1};
                    (f.*enter)();
                } catch (const level& mine) {
                    const exception_state inside;
                    (f.*enter)();
                    BOOST_TEST((inside == exception_state()));
                    BOOST_TEST(mine.number == -1);
                }
                BOOST_TEST(f.ended());
                BOOST_TEST((before == exception_state()));
            }
}

BOOST_AUTO_TEST_CASE(leaving_in_a_destructor_while_unwinding_keeps_the_exception_state_of_each_fiber) {
    for (const auto enter : ways)
        for (int depth = 0; depth != 4; ++depth) {
            flow f([&](flow& self) { leave_while_unwinding(self, depth); });
            (f.*enter)();
            BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
            try {
                throw level{-1};
            } catch (const level& mine) {
                (f.*enter)();
                BOOST_TEST(mine.number == -1);
            }
            BOOST_TEST(f.ended());
            BOOST_TEST((exception_state() == exception_state{nullptr, 0}));
        }
}

BOOST_AUTO_TEST_CASE(handlers_of_two_fibers_may_end_in_any_order) {
    const auto body = [](int number) {
        return [number](flow& self) {
            try {
                throw level{number};
            } catch (const level&) {
                self.leave();
                try {
                    throw;  // the runtime's idea of what is being handled
                } catch (const level& mine) {
                    BOOST_TEST(mine.number == number);
                    self.leave();
                }
            }
            self.leave();
        };
    };
    flow a(body(1)), b(body(2)), c(body(3));
    for (flow* f : {&a, &b, &c, /**/ &a, &c, &b, /**/ &b, &a, &c, /**/ &c, &a, &b}) f->enter();
    BOOST_TEST((a.ended() && b.ended() && c.ended()));
}

BOOST_AUTO_TEST_CASE(a_fiber_entered_from_a_destructor_sees_no_exception_of_the_enterer) {
    struct enters {
        ~enters() {
            BOOST_TEST(std::uncaught_exceptions() == 1);
            f.enter();
            BOOST_TEST(std::uncaught_exceptions() == 1);
        }
        flow& f;
    };
    flow f([](flow& self) {
        BOOST_TEST(std::uncaught_exceptions() == 0);
        self.leave();
        BOOST_TEST(std::uncaught_exceptions() == 0);
        BOOST_TEST((std::current_exception() == nullptr));
    });
    for (int i = 0; i != 2; ++i) {
        try {
            const enters guard{f};
            throw level{i};
        } catch (const level& mine) {
            BOOST_TEST(mine.number == i);
        }
    }
    BOOST_TEST(f.ended());
}
