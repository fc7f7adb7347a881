#define BOOST_TEST_MODULE select
#include <crocus/select.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::on_acquire;
using crocus::on_done;
using crocus::on_get;
using crocus::on_put;
using crocus::on_set;
using crocus::on_timeout;
using crocus::yield_now;
using crocus::test::cancellation_of;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

/// What a test may wait for, and a select over all of it that says what came first.
struct things {
    crocus::queue<int> items{1};
    crocus::queue<std::string> texts{1};
    crocus::queue<int> full{1};
    crocus::event event;
    crocus::semaphore permits{0};
    crocus::future<int> future;

    things() { full.put(0); }

    std::string first() {
        return crocus::select(on_get(items, [](int i) { return "item " + std::to_string(i); }),
                              on_get(texts, [](const std::string& text) { return "text " + text; }),
                              on_put(full, 7, [] { return std::string("put"); }),
                              on_set(event, [] { return std::string("set"); }),
                              on_acquire(permits, [] { return std::string("permit"); }),
                              on_done(future, [](auto& f) { return "done " + std::to_string(f.result()); }),
                              on_timeout(1h, [] { return std::string("timeout"); }));
    }

    /// Nobody waits, and nothing was taken.
    bool untouched() {
        return items.to_string() == "queue [size:0, capacity:1]" && texts.to_string() == "queue [size:0, capacity:1]" &&
               full.to_string() == "queue [size:1, capacity:1, unfinished:1]" && event.waiters().empty() &&
               permits.waiters().empty() && permits.available() == 0 && future.state()->awaited_by().empty();
    }
};

}  // namespace

// T22 of the users
BOOST_AUTO_TEST_CASE(what_is_there_is_taken_without_suspending_and_the_first_that_is_listed_wins) {
    run_virtual([] {
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        things t;
        t.future.set_result(3);
        BOOST_TEST(t.first() == "done 3");
        t.permits.release();
        BOOST_TEST(t.first() == "permit");
        t.event.set();
        t.permits.release();
        BOOST_TEST(t.first() == "set");
        BOOST_TEST(t.permits.available() == 1u);
        t.full.get();
        BOOST_TEST(t.first() == "put");
        BOOST_TEST(t.full.get() == 7);
        t.texts.put("a");
        BOOST_TEST(t.first() == "text a");
        BOOST_TEST(t.full.empty());
        t.items.put(1);
        t.texts.put("b");
        BOOST_TEST(t.first() == "item 1");
        BOOST_TEST(t.texts.get() == "b");
        BOOST_TEST(!other_ran);
        other.get();
    });
}

BOOST_AUTO_TEST_CASE(it_waits_for_the_first_and_leaves_the_others) {
    const auto what_comes = [](auto make_it_come, const char* expected) {
        run_virtual([&] {
            things t;
            auto waits = create_task([&] { return t.first(); });
            yield_now();
            BOOST_TEST(!waits.done());
            make_it_come(t);
            BOOST_TEST(t.event.waiters().empty());  // it has left what was not chosen at once
            BOOST_TEST(waits.get() == expected);
            if (std::string(expected) != "put") BOOST_TEST(t.full.size() == 1u);
        });
    };
    what_comes([](things& t) { t.items.put(1); }, "item 1");
    what_comes([](things& t) { t.texts.put("a"); }, "text a");
    what_comes([](things& t) { t.full.get(); }, "put");
    what_comes([](things& t) { t.event.set(); }, "set");
    what_comes([](things& t) { t.permits.release(); }, "permit");
    what_comes([](things& t) { t.future.set_result(3); }, "done 3");
    what_comes([](things&) { crocus::sleep(2h); }, "timeout");
}

BOOST_AUTO_TEST_CASE(exactly_one_case_has_an_effect_though_all_come_at_once) {
    run_virtual([] {
        things t;
        auto waits = create_task([&] { return t.first(); });
        yield_now();
        t.texts.put("a");
        t.items.put(1);
        t.permits.release();
        t.event.set();
        t.future.set_result(3);
        BOOST_TEST(t.full.get() == 0);
        BOOST_TEST(waits.get() == "text a");
        BOOST_TEST(t.items.get() == 1);
        BOOST_TEST(t.permits.available() == 1u);
        BOOST_TEST(t.full.empty());
    });
}

BOOST_AUTO_TEST_CASE(an_event_that_is_cleared_again_counts) {  // Q3
    run_virtual([] {
        crocus::event e;
        auto waits = create_task([&] { crocus::select(on_set(e, [] {})); });
        yield_now();
        e.set();
        e.clear();
        waits.get();
    });
}

// T11 of the users
BOOST_AUTO_TEST_CASE(who_is_cancelled_has_taken_nothing) {
    run_virtual([] {
        things t;
        auto waits = create_task([&] { return t.first(); });
        yield_now();
        waits.cancel("enough");
        BOOST_TEST(t.untouched());  // it stands nowhere any more
        BOOST_CHECK_THROW(waits.get(), crocus::cancelled_error);
        auto cancelled_before = create_task([&] { return t.first(); }, {.eager_start = false});
        cancelled_before.cancel();
        BOOST_CHECK_THROW(cancelled_before.get(), crocus::cancelled_error);
        auto meets_it_there = create_task([&] {
            crocus::current_task().cancel("itself");
            return cancellation_of([&] { t.first(); });
        });
        BOOST_TEST(meets_it_there.get() == "itself");
        BOOST_TEST(t.untouched());
    });
}

BOOST_AUTO_TEST_CASE(who_was_given_something_has_it_though_it_is_cancelled) {  // Q11
    run_virtual([] {
        things t;
        std::string log;
        auto waits = create_task([&] {
            log += t.first() + ", ";
            log += cancellation_of([] { yield_now(); });
        });
        yield_now();
        t.items.put(1);
        waits.cancel("later");
        waits.get();
        BOOST_TEST(log == "item 1, later");
    });
}

BOOST_AUTO_TEST_CASE(an_outer_time_limit_ends_it_and_nothing_is_taken) {  // T40
    run_virtual([] {
        things t;
        BOOST_CHECK_THROW(crocus::with_timeout(1s, [&] { t.first(); }), crocus::timeout_error);
        BOOST_TEST(t.untouched());
        bool in_time = true;
        crocus::defer_cancellation([&] { in_time = crocus::move_on_after(1s, [&] { t.first(); }); });
        BOOST_TEST(!in_time);
        BOOST_TEST(t.untouched());
    });
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_shut_down_throws) {  // Q13
    run_virtual([] {
        const auto shut = [](crocus::queue<int> things::*which, bool immediately) {
            things t;
            auto waits = create_task([&] { return t.first(); });
            yield_now();
            (t.*which).shutdown(immediately);
            BOOST_CHECK_THROW(waits.get(), crocus::queue_shut_down);
            if (which == &things::items) BOOST_TEST(t.full.size() == 1u);
            BOOST_CHECK_THROW(t.first(), crocus::queue_shut_down);
        };
        shut(&things::items, false);
        shut(&things::items, true);
        shut(&things::full, false);
        shut(&things::full, true);
    });
}

BOOST_AUTO_TEST_CASE(a_promised_item_outlives_a_shutdown_but_no_immediate_one) {  // Q13
    run_virtual([] {
        for (const bool immediately : {false, true}) {
            crocus::queue<int> q;
            int got = 0;
            auto waits = create_task([&] { crocus::select(on_get(q, [&](int i) { got = i; })); });
            yield_now();
            q.put(1);
            q.shutdown(immediately);
            if (immediately)
                BOOST_CHECK_THROW(waits.get(), crocus::queue_shut_down);
            else
                waits.get();
            BOOST_TEST(got == (immediately ? 0 : 1));
        }
    });
}

BOOST_AUTO_TEST_CASE(selects_and_plain_waits_are_served_in_one_order) {  // Q10
    run_virtual([] {
        crocus::queue<int> q;
        std::string log;
        const auto selects = [&](std::string name) {
            return create_task([&, name] {
                crocus::select(on_get(q, [&](int i) { log += name + std::to_string(i) + ' '; }), on_timeout(1h, [] {}));
            });
        };
        auto a = selects("a");
        auto b = create_task([&] { log += "b" + std::to_string(q.get()) + ' '; });
        auto c = selects("c");
        yield_now();
        for (int i = 1; i <= 3; ++i) q.put(i);
        BOOST_TEST(q.empty());
        c.get();
        BOOST_TEST(log == "a1 b2 c3 ");
    });
}

BOOST_AUTO_TEST_CASE(two_cases_may_wait_for_the_same_thing) {
    run_virtual([] {
        crocus::queue<int> q(1);
        crocus::event e;
        auto waits = create_task([&] {
            return crocus::select(on_get(q, [](int i) { return i; }), on_get(q, [](int i) { return -i; }),
                                  on_set(e, [] { return 0; }), on_set(e, [] { return 1; }));
        });
        yield_now();
        q.put(5);
        q.put(6);
        BOOST_TEST(waits.get() == 5);
        BOOST_TEST(q.get() == 6);
        e.set();
        BOOST_TEST(crocus::select(on_get(q, [](int i) { return i; }), on_set(e, [] { return 0; }),
                                  on_set(e, [] { return 1; })) == 0);
    });
}

BOOST_AUTO_TEST_CASE(an_item_that_was_not_put_stays_with_the_caller_and_is_not_copied) {
    run_virtual([] {
        crocus::queue<std::unique_ptr<int>> full(1);
        full.put(nullptr);
        auto mine = std::make_unique<int>(1);
        const auto offer = [&] {
            return crocus::select(on_put(full, std::move(mine), [] { return true; }),
                                  on_timeout(1ms, [] { return false; }));
        };
        BOOST_TEST(!offer());
        BOOST_TEST(*mine == 1);
        full.get();
        BOOST_TEST(offer());
        BOOST_TEST(!mine);
        BOOST_TEST(*full.get() == 1);

        struct counts {
            int& copies;
            counts(int& c) : copies(c) {}
            counts(const counts& other) : copies(other.copies) { ++copies; }
        };
        int copies = 0;
        const counts one(copies);
        crocus::queue<counts> q(1);
        const auto copy = [&] { return crocus::try_select(on_put(q, one, [] {})); };
        BOOST_TEST(copy());
        const int of_one_put = std::exchange(copies, 0);
        BOOST_TEST(of_one_put > 0);
        BOOST_TEST(!copy());
        BOOST_TEST(copies == 0);
    });
}

BOOST_AUTO_TEST_CASE(an_item_that_cannot_be_made_gives_its_slot_back) {
    run_virtual([] {
        struct cannot_be_made {
            cannot_be_made(int) { throw std::runtime_error("cannot be made"); }
            explicit cannot_be_made(std::string) {}
        };
        crocus::queue<cannot_be_made> q(1);
        BOOST_CHECK_THROW(crocus::select(on_put(q, 1, [] {})), std::runtime_error);
        BOOST_TEST(!q.full());
        BOOST_TEST(q.try_put(cannot_be_made("it can")));
    });
}

BOOST_AUTO_TEST_CASE(handlers_run_outside_of_the_mechanism) {
    run_virtual([] {
        things t;
        t.items.put(1);
        BOOST_CHECK_THROW(crocus::select(on_get(t.items, [](int) { throw std::runtime_error("the handler's"); })),
                          std::runtime_error);
        BOOST_TEST(t.items.empty());
        t.items.put(2);
        auto other = create_task([&] { t.texts.put("nested"); });
        const std::string inner = crocus::select(on_get(t.items, [&](int) {
            crocus::sleep(1ms);
            return t.first();
        }));
        BOOST_TEST(inner == "text nested");
    });
}

BOOST_AUTO_TEST_CASE(what_the_handlers_return_is_returned) {
    run_virtual([] {
        crocus::queue<std::unique_ptr<int>> q;
        q.put(std::make_unique<int>(1));
        BOOST_TEST(*crocus::select(on_get(q, [](std::unique_ptr<int> p) { return p; })) == 1);
        int i = 0;
        q.put(nullptr);
        crocus::select(on_get(q, [&](const auto&) -> int& { return i; })) = 5;
        BOOST_TEST(i == 5);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_of_nothing_listed_last_is_what_is_done_where_nothing_is_there) {  // T41
    run_virtual([] {
        crocus::queue<int> q;
        const auto poll = [&] {
            return crocus::select(on_get(q, [](int i) { return i; }), on_timeout(0s, [] { return -1; }));
        };
        BOOST_TEST(poll() == -1);
        q.put(5);
        BOOST_TEST(poll() == 5);
    });
}

BOOST_AUTO_TEST_CASE(try_select_never_waits) {
    run_virtual([] {
        crocus::queue<int> q;
        crocus::event e;
        const auto poll = [&] { return crocus::try_select(on_get(q, [](int i) { return i; })); };
        BOOST_TEST(!poll());
        q.put(5);
        BOOST_TEST(poll().value() == 5);
        BOOST_TEST(!crocus::try_select(on_set(e, [] {})));
        e.set();
        BOOST_TEST(crocus::try_select(on_set(e, [] {})));
        q.shutdown();
        BOOST_CHECK_THROW(poll(), crocus::queue_shut_down);
    });
}

BOOST_AUTO_TEST_CASE(a_future_that_it_waits_for_is_not_cancelled_with_it) {  // T15
    run_virtual([] {
        auto slow = create_task([] {
            crocus::sleep(10ms);
            return 42;
        });
        const bool done = crocus::select(on_done(slow, [](auto&) { return true; }),  //
                                         on_timeout(1ms, [] { return false; }));
        BOOST_TEST(!done);
        auto waits = create_task([&] { return crocus::select(on_done(slow, [](auto& t) { return t.result(); })); });
        yield_now();
        BOOST_TEST(slow.state()->awaited_by().size() == 1u);
        waits.cancel();
        BOOST_CHECK_THROW(waits.get(), crocus::cancelled_error);
        BOOST_TEST(crocus::select(on_done(slow, [](auto& t) { return t.result(); })) == 42);
        auto fails = create_task([]() -> int { throw std::runtime_error("failed"); });
        BOOST_CHECK_THROW(crocus::select(on_done(fails, [](auto& t) { return t.result(); })), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_task_cannot_select_on_its_own_end) {
    run_virtual([] {
        std::optional<crocus::task<void>> self;
        self =
            create_task([&] { BOOST_CHECK_THROW(crocus::select(on_done(*self, [](auto&) {})), crocus::usage_error); });
        self->get();
    });
}

BOOST_AUTO_TEST_CASE(what_is_destroyed_while_it_is_waited_for_is_an_error) {
    run_virtual([] {
        auto e = std::make_unique<crocus::event>();
        crocus::queue<int> q;
        auto waits = create_task([&] { crocus::select(on_get(q, [](int) {}), on_set(*e, [] {})); });
        yield_now();
        e.reset();
        BOOST_CHECK_THROW(waits.get(), crocus::usage_error);
        BOOST_TEST(q.gate().getters().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_callback_selects_what_is_there_and_cannot_wait) {
    run_virtual([] {
        crocus::queue<int> q;
        std::string log;
        crocus::event_loop::current().call_soon([&] {
            const auto select = [&] {
                try {
                    crocus::select(on_get(q, [&](int i) { log += std::to_string(i); }));
                } catch (const crocus::cannot_suspend&) {
                    log += "cannot wait ";
                }
            };
            select();
            q.put(5);
            select();
        });
        crocus::sleep(1ms);
        BOOST_TEST(log == "cannot wait 5");
    });
}

BOOST_AUTO_TEST_CASE(it_is_seen_at_everything_that_it_waits_for) {  // F17
    run_virtual([] {
        things t;
        auto waits = create_task([&] { t.first(); });
        yield_now();
        const auto at_event = t.event.waiters().agents();
        BOOST_TEST((at_event == t.future.state()->awaited_by()));
        BOOST_TEST(at_event.size() == 1u);
        BOOST_TEST_REQUIRE(at_event.front()->waits_as() != nullptr);
        BOOST_TEST(at_event.front()->waits_as()->queue()->subject() != nullptr);
        waits.cancel();
    });
}

namespace {

/// Something that may be gone when who was told of it comes: what is shared with other threads.
class bell {
public:
    void ring() noexcept { rung_.notify_one(); }

    class rung {
    public:
        explicit rung(bell& b, int needed) : bell_(b), needed_(needed) {}

        bool try_now() const { return false; }
        void enter(crocus::detail::selection& s) {
            bell_.rung_.add(place_);
            s.add(place_);
        }
        bool entered_as(const crocus::detail::selection::place* p) const { return p == &place_; }
        bool claim() { return --needed_ == 0; }
        int handle() const { return 42; }

    private:
        bell& bell_;
        int needed_;
        crocus::detail::queued_place place_;
    };

private:
    crocus::wait_queue rung_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_case_of_ones_own_may_find_that_it_came_too_late_and_waits_again) {
    run_virtual([] {
        bell b;
        crocus::queue<int> q;
        auto waits = create_task([&] { return crocus::select(on_get(q, [](int i) { return i; }), bell::rung(b, 3)); });
        for (int i = 0; i != 3; ++i) {
            yield_now();
            BOOST_TEST(!waits.done());
            b.ring();
        }
        BOOST_TEST(waits.get() == 42);
    });
}
