#define BOOST_TEST_MODULE future
#include <crocus/future.hpp>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/unraisable.hpp>

#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::future;
using crocus::test::collect_reports;
using crocus::test::contains;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

std::exception_ptr error(const std::string& what) { return std::make_exception_ptr(std::runtime_error(what)); }

}  // namespace

// --------------------------------------------------------------------------------------------------------- the states

BOOST_AUTO_TEST_CASE(a_new_future_is_pending) {  // F2, F3, F4
    run_virtual([] {
        future<int> f;
        BOOST_TEST(!f.done());
        BOOST_TEST(!f.cancelled());
        BOOST_CHECK_THROW(f.result(), crocus::invalid_state_error);
        BOOST_CHECK_THROW(static_cast<void>(f.exception()), crocus::invalid_state_error);
    });
}

BOOST_AUTO_TEST_CASE(a_result_can_be_read_again_and_again_by_every_handle) {  // F3
    run_virtual([] {
        future<std::string> f;
        auto copy = f;
        f.set_result("kept");
        BOOST_TEST(f.done());
        for (int i = 0; i != 2; ++i) {
            BOOST_TEST(f.result() == "kept");
            BOOST_TEST(copy.get() == "kept");
            BOOST_TEST(crocus::await(f) == "kept");
        }
        BOOST_TEST((f.exception() == nullptr));
        BOOST_TEST(future<std::string>(f).get() == "kept");
        BOOST_TEST(copy.get() == "kept");
    });
}

BOOST_AUTO_TEST_CASE(the_same_exception_is_raised_each_time) {  // F3, F4
    run_virtual([] {
        future<int> f;
        const auto e = error("the one");
        f.set_exception(e);
        BOOST_TEST((f.exception() == e));
        const std::exception* first = nullptr;
        for (int i = 0; i != 2; ++i) {
            try {
                f.result();
                BOOST_ERROR("nothing was raised");
            } catch (const std::runtime_error& caught) {
                BOOST_TEST((first == nullptr || first == &caught));
                first = &caught;
            }
        }
        BOOST_CHECK_THROW(f.get(), std::runtime_error);
    });
}

BOOST_AUTO_TEST_CASE(a_future_is_settled_once) {  // F5, F6
    run_virtual([] {
        future<int> f;
        f.set_result(1);
        BOOST_CHECK_THROW(f.set_result(2), crocus::invalid_state_error);
        BOOST_CHECK_THROW(f.set_exception(error("late")), crocus::invalid_state_error);
        BOOST_TEST(!f.cancel());
        BOOST_TEST(f.result() == 1);
        future<int> g;
        BOOST_CHECK_THROW(g.set_exception(nullptr), std::invalid_argument);
        BOOST_TEST(!g.done());
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_future_raises_with_the_message_it_was_given) {  // F3, F4, F6
    run_virtual([] {
        future<int> f;
        BOOST_TEST(f.cancel("why"));
        BOOST_TEST(!f.cancel("again"));
        BOOST_TEST(f.done());
        BOOST_TEST(f.cancelled());
        const auto says_why = [](const crocus::cancelled_error& e) { return e.message() == "why"; };
        BOOST_CHECK_EXCEPTION(f.result(), crocus::cancelled_error, says_why);
        BOOST_CHECK_EXCEPTION(static_cast<void>(f.exception()), crocus::cancelled_error, says_why);
        BOOST_CHECK_EXCEPTION(f.get(), crocus::cancelled_error, says_why);
        BOOST_CHECK_THROW(f.set_result(1), crocus::invalid_state_error);
    });
}

BOOST_AUTO_TEST_CASE(a_stop_iteration_arrives_as_another_error_with_the_original_nested) {  // F5
    run_virtual([] {
        future<int> f;
        f.set_exception(std::make_exception_ptr(crocus::stop_iteration<int>(5)));
        try {
            f.get();
            BOOST_ERROR("nothing was raised");
        } catch (const crocus::generator_raised_stop_iteration& e) {
            BOOST_CHECK_THROW(std::rethrow_if_nested(e), crocus::stop_iteration<int>);
        }
    });
}

BOOST_AUTO_TEST_CASE(results_may_be_nothing_references_and_things_that_cannot_be_copied) {
    run_virtual([] {
        future<void> nothing;
        nothing.set_result();
        nothing.get();

        int target = 0;
        future<int&> reference;
        reference.set_result(target);
        reference.get() = 7;
        BOOST_TEST(target == 7);

        future<std::unique_ptr<int>> unique;
        unique.set_result(std::make_unique<int>(8));
        auto copy = unique;
        BOOST_TEST(*copy.get() == 8);
        BOOST_CHECK_THROW(unique.get(), crocus::invalid_state_error);  // it could be had once

        struct immovable_source {
            explicit immovable_source(int& moves) : moves_(moves) {}
            immovable_source(const immovable_source&) = default;
            immovable_source(immovable_source&& other) noexcept : moves_(other.moves_) { ++moves_; }
            int& moves_;
        };
        int moves = 0;
        future<immovable_source> last;
        last.set_result(immovable_source(moves));
        moves = 0;
        static_cast<void>(std::move(last).get());
        BOOST_TEST(moves >= 1);  // the last handle moves
    });
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_stored_leaves_the_future_pending) {
    struct throws_when_copied {
        throws_when_copied() = default;
        throws_when_copied(const throws_when_copied&) { throw std::runtime_error("no copy"); }
    };
    run_virtual([] {
        future<throws_when_copied> f;
        const throws_when_copied value;
        BOOST_CHECK_THROW(f.set_result(value), std::runtime_error);
        BOOST_TEST(!f.done());
    });
}

// ----------------------------------------------------------------------------------------------------------- awaiting

BOOST_AUTO_TEST_CASE(awaiting_a_future_that_is_done_does_not_suspend) {  // I4, F11
    run_virtual([] {
        bool other_ran = false;
        auto other = create_task([&] { other_ran = true; });
        future<int> f;
        f.set_result(1);
        BOOST_TEST(f.get() == 1);
        BOOST_TEST(!other_ran);
        event_loop::current().call_soon([f]() mutable { BOOST_TEST(f.get() == 1); });  // so it works in a callback
        other.get();
    });
}

BOOST_AUTO_TEST_CASE(all_who_await_get_the_result_in_the_order_in_which_they_came) {  // F11, I3
    run_virtual([] {
        future<int> f;
        std::string log;
        const auto waiter = [&](char name) {
            return create_task([&, name] { log += name + std::to_string(f.get()); });
        };
        auto a = waiter('a');
        crocus::yield_now();
        f.add_done_callback([&](auto done) { log += 'b' + std::to_string(done.result()); });
        auto c = waiter('c');
        crocus::yield_now();
        f.add_done_callback([&](auto) { log += 'd'; });
        f.set_result(1);
        BOOST_TEST(log.empty());  // never inline
        c.get();
        BOOST_TEST(log == "a1b1c1d");
    });
}

BOOST_AUTO_TEST_CASE(a_result_is_delivered_to_a_task_that_is_cancelled_on_its_way_out) {  // T6, and its deviation
    run_virtual([] {
        future<int> f;
        std::string log;
        auto t = create_task([&] {
            log += std::to_string(f.get());
            try {
                crocus::sleep(1s);
            } catch (const crocus::cancelled_error& e) {
                log += " then " + e.message();
                throw;
            }
        });
        crocus::yield_now();
        f.set_result(5);
        BOOST_TEST(t.cancel("cancelled"));
        BOOST_CHECK_THROW(t.get(), crocus::cancelled_error);
        BOOST_TEST(log == "5 then cancelled");
    });
}

BOOST_AUTO_TEST_CASE(awaiting_the_future_of_another_loop_is_an_error) {  // T3
    std::string what;
    run_virtual([&] {
        future<int> f;
        std::thread([&] {
            try {
                f.get();
            } catch (const crocus::usage_error& e) {
                what = e.what();
            }
        }).join();
    });
    BOOST_TEST(contains(what, "another thread's loop"));
    BOOST_TEST(contains(what, "concurrent_future"));
}

BOOST_AUTO_TEST_CASE(settling_the_future_of_another_loop_is_an_error) {  // I9
    bool refused_result = false;
    bool refused_cancel = false;
    run_virtual([&] {
        future<int> f;
        f.add_done_callback([](auto) {});
        std::thread([&] {
            try {
                f.set_result(1);
            } catch (const crocus::usage_error&) {
                refused_result = true;
            }
            try {
                f.cancel();
            } catch (const crocus::usage_error&) {
                refused_cancel = true;
            }
        }).join();
        BOOST_TEST(!f.done());
    });
    BOOST_TEST(refused_result);
    BOOST_TEST(refused_cancel);
}

BOOST_AUTO_TEST_CASE(a_future_may_outlive_its_loop) {
    auto f = run_virtual([] {
        future<int> pending;
        pending.add_done_callback([](auto) { BOOST_ERROR("there is no loop to run this"); });
        return pending;
    });
    BOOST_CHECK_THROW(f.cancel(), crocus::usage_error);
    BOOST_CHECK_THROW(f.set_result(1), crocus::usage_error);

    auto unwatched = run_virtual([] { return future<int>(); });
    BOOST_TEST(unwatched.cancel());

    auto done = run_virtual([] {
        future<int> settled;
        settled.set_result(2);
        return settled;
    });
    BOOST_TEST(done.result() == 2);
}

// ----------------------------------------------------------------------------------------------------------- callbacks

BOOST_AUTO_TEST_CASE(a_callback_added_to_a_done_future_runs_soon_not_at_once) {  // F8, I3
    run_virtual([] {
        future<int> f;
        f.set_result(3);
        int seen = 0;
        f.add_done_callback([&](future<int> done) { seen = done.result(); });
        BOOST_TEST(seen == 0);
        crocus::yield_now();
        BOOST_TEST(seen == 3);
    });
}

BOOST_AUTO_TEST_CASE(cancelling_a_future_runs_its_callbacks) {  // F6
    run_virtual([] {
        future<int> f;
        bool cancelled = false;
        f.add_done_callback([&](future<int> done) { cancelled = done.cancelled(); });
        f.cancel();
        BOOST_TEST(!cancelled);
        crocus::yield_now();
        BOOST_TEST(cancelled);
    });
}

BOOST_AUTO_TEST_CASE(one_callback_may_be_added_many_times_and_each_can_be_taken_back) {  // F8, F9
    run_virtual([] {
        future<void> f;
        int calls = 0;
        const auto count = [&](auto) { ++calls; };
        f.add_done_callback(count);
        auto second = f.add_done_callback(count);
        auto third = f.add_done_callback(count);
        second.cancel();
        f.set_result();
        third.cancel();  // scheduled already, but it did not run yet
        crocus::yield_now();
        BOOST_TEST(calls == 1);
    });
}

BOOST_AUTO_TEST_CASE(a_future_that_nobody_holds_is_kept_for_its_callbacks) {
    run_virtual([] {
        int seen = 0;
        {
            future<int> f;
            f.add_done_callback([&](future<int> done) { seen = done.result(); });
            f.set_result(4);
        }
        crocus::yield_now();
        BOOST_TEST(seen == 4);
    });
}

BOOST_AUTO_TEST_CASE(a_pending_future_that_nobody_holds_goes_away_with_its_callbacks) {
    run_virtual([] {
        const auto held = std::make_shared<int>(0);
        crocus::handle h;
        {
            future<int> f;
            h = f.add_done_callback([held](auto) {});
            f.add_done_callback([held](auto) {});
            BOOST_TEST(held.use_count() == 3);
        }
        h.cancel();
        BOOST_TEST(held.use_count() == 1);
    });
}

// --------------------------------------------------------------------------------------------------- nobody retrieved
// it

BOOST_AUTO_TEST_CASE(an_exception_that_nobody_retrieves_is_reported_once_with_its_place) {  // F10
    run_virtual([] {
        const auto reports = collect_reports();
        {
            future<int> f;
            auto copy = f;
            f.set_exception(error("unseen"));
        }
        BOOST_REQUIRE(reports->size() == 1U);
        BOOST_TEST(contains(reports->front(), "never retrieved"));
        BOOST_TEST(contains(reports->front(), "future.cpp:"));
        BOOST_TEST(contains(reports->front(), "unseen"));
    });
}

BOOST_AUTO_TEST_CASE(an_exception_that_was_seen_is_not_reported) {  // F10
    run_virtual([] {
        const auto reports = collect_reports();
        future<int> a;
        a.set_exception(error("seen by result"));
        BOOST_CHECK_THROW(a.result(), std::runtime_error);
        future<int> b;
        b.set_exception(error("seen by exception"));
        static_cast<void>(b.exception());
        future<int> c;
        auto waiting = create_task([c]() mutable { c.get(); });
        crocus::yield_now();
        c.set_exception(error("seen by a waiting task"));
        BOOST_CHECK_THROW(waiting.get(), std::runtime_error);
        future<int> d;
        d.cancel();
        a = b = c = d = future<int>();
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(an_exception_that_outlives_its_loop_unseen_goes_to_the_unraisable_hook) {  // F10
    std::string reported;
    auto before = crocus::set_unraisable_hook([&](const std::string& where, std::exception_ptr) { reported = where; });
    run_virtual([] {
        future<int> f;
        f.set_exception(error("unseen"));
        return f;
    });
    crocus::set_unraisable_hook(std::move(before));
    BOOST_TEST(contains(reported, "never retrieved"));
}

BOOST_AUTO_TEST_CASE(a_callback_of_a_coroutines_wait_that_ends_outside_of_the_loop_runs_when_that_goes_on) {  // F10, C1
    event_loop loop;
    crocus::wait_queue waiting;
    bool called = false;
    {
        crocus::coroutine<> driven = [&] { waiting.wait(); };
        loop.call_soon([&] {
            driven.send()->add_done_callback([&] { called = true; });
            loop.stop();
        });
        loop.run_forever();
        waiting.notify_one();
        BOOST_TEST(!called);
        loop.stop();
        loop.run_forever();
        BOOST_TEST(called);
        loop.run_until_complete([&] { driven.close(); });
    }
}
