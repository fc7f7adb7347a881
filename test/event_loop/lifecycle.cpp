#define BOOST_TEST_MODULE event_loop_lifecycle
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/executor.hpp>
#include <crocus/future.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/unraisable.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/child.hpp"
#include "../support/loop_tests.hpp"
#include "../support/virtual_time.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::future;
using crocus::test::contains;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<crocus::io_driver> virtual_time() { return std::make_unique<crocus::test::virtual_time_driver>(); }

/// A loop of one's own, with all that it reports.
struct own_loop {
    std::vector<std::string> reports;
    event_loop loop{virtual_time()};

    own_loop() {
        loop.set_exception_handler(
            [this](event_loop&, const crocus::exception_context& context) { reports.push_back(context.message); });
    }
};

template <class Error = crocus::usage_error, class F>
std::string message_of(F f) {
    try {
        f();
        return "nothing was thrown";
    } catch (const Error& e) {
        return e.what();
    }
}

}  // namespace

// ----------------------------------------------------------------------------------------------------------- for ever

BOOST_AUTO_TEST_CASE(a_loop_runs_callbacks_and_tasks_until_it_is_stopped) {  // L6, L8, L13
    own_loop own;
    std::string log;
    own.loop.call_soon([&] { log += "soon "; });
    auto task = create_task(
        [&] {
            crocus::sleep(1h);
            log += "task ";
            return 5;
        },
        {.loop = &own.loop});
    own.loop.call_later(2h, [&] {
        log += "later";
        own.loop.stop();
    });
    BOOST_TEST(!own.loop.is_running());  // L11
    own.loop.run_forever();
    BOOST_TEST(!own.loop.is_running());
    BOOST_TEST(log == "soon task later");
    BOOST_TEST(task.result() == 5);
}

BOOST_AUTO_TEST_CASE(while_a_loop_runs_it_is_the_threads_loop_and_afterwards_the_one_before_is) {  // L1, L2, L3, L11
    own_loop own;
    event_loop* const before = event_loop::current_if_any();
    bool seen = false;
    own.loop.call_soon([&] {
        seen = event_loop::current_if_any() == &own.loop && own.loop.is_running();
        own.loop.stop();
    });
    own.loop.run_forever();
    BOOST_TEST(seen);
    BOOST_TEST((event_loop::current_if_any() == before));
}

BOOST_AUTO_TEST_CASE(a_loop_that_was_stopped_goes_on_where_it_was_when_it_runs_again) {  // L6, L8
    own_loop own;
    std::string log;
    const auto task = create_task(
        [&] {
            for (int i = 0; i != 3; ++i) {
                log += std::to_string(i);
                crocus::yield_now();
            }
        },
        {.loop = &own.loop});
    for (int i = 0; i != 5 && !task.done(); ++i) {
        own.loop.stop();
        own.loop.run_forever();
        log += '.';
    }
    BOOST_TEST(task.done());
    BOOST_TEST(log == "0.1.2..");
}

BOOST_AUTO_TEST_CASE(a_loop_stopped_beforehand_runs_what_is_ready_and_asks_the_kernel_once) {  // L8
    own_loop own;
    std::string log;
    own.loop.stop();
    own.loop.call_soon([&] {
        log += "ready ";
        own.loop.call_soon([&] { log += "too late "; });
    });
    own.loop.call_later(-1s, [&] { log += "due "; });
    own.loop.call_later(1s, [&] { log += "not due "; });
    own.loop.run_forever();
    BOOST_TEST(log == "ready due ");
    own.loop.call_later(2s, [&] { own.loop.stop(); });
    own.loop.run_forever();  // the request was used up
    BOOST_TEST(log == "ready due too late not due ");
}

BOOST_AUTO_TEST_CASE(what_was_ready_when_a_loop_was_stopped_still_runs) {  // L8
    own_loop own;
    std::string log;
    own.loop.call_soon([&] {
        own.loop.stop();
        own.loop.stop();
        own.loop.call_soon([&] { log += "next time"; });
    });
    own.loop.call_soon([&] { log += "this time "; });
    own.loop.run_forever();
    BOOST_TEST(log == "this time ");
    own.loop.stop();
    own.loop.run_forever();
    BOOST_TEST(log == "this time next time");
}

BOOST_AUTO_TEST_CASE(another_thread_stops_a_loop_by_a_callback) {  // L8, L14
    event_loop loop;
    std::thread other;
    loop.call_soon([&] { other = std::thread([&] { loop.call_soon_threadsafe([&] { loop.stop(); }); }); });
    loop.run_forever();
    other.join();
    BOOST_TEST(!loop.is_running());
}

BOOST_AUTO_TEST_CASE(a_loop_that_runs_cannot_be_run_again) {  // L6
    own_loop own;
    std::vector<std::string> messages;
    const auto is_refused = [&] {
        messages.push_back(message_of([&] { own.loop.run_forever(); }));
        messages.push_back(message_of([&] { own.loop.run_until_complete([] {}); }));
        messages.push_back(message_of([&] { own.loop.close(); }));
    };
    own.loop.call_soon(is_refused);
    own.loop.run_until_complete(is_refused);
    BOOST_REQUIRE(messages.size() == 6U);
    for (const std::size_t i : {0U, 1U, 3U, 4U}) BOOST_TEST(contains(messages[i], "running already"));
    for (const std::size_t i : {2U, 5U}) BOOST_TEST(contains(messages[i], "stop() it first"));
}

BOOST_AUTO_TEST_CASE(a_loop_cannot_be_run_inside_a_task_or_callback_of_another) {  // L6
    own_loop inner;
    std::vector<std::string> messages;
    const auto is_refused = [&] { messages.push_back(message_of([&] { inner.loop.run_forever(); })); };
    crocus::test::run_virtual([&] {
        is_refused();
        create_task(is_refused).get();
        event_loop::current().call_soon(is_refused);
        crocus::yield_now();
    });
    BOOST_REQUIRE(messages.size() == 3U);
    for (const auto& message : messages) BOOST_TEST(contains(message, "call the function itself"));
}

BOOST_AUTO_TEST_CASE(the_main_flow_of_a_threads_own_loop_may_run_that_loop_or_another) {  // L6
    std::string log;
    std::thread([&] {
        auto& loop = event_loop::current();
        loop.call_soon([&] {
            log += "own ";
            loop.stop();
        });
        loop.run_forever();
        log += std::to_string(loop.run_until_complete([] { return 7; }));
        own_loop other;
        log += std::to_string(other.loop.run_until_complete([] { return 8; }));
        log += event_loop::current_if_any() == &loop ? " own" : " other";
    }).join();
    BOOST_TEST(log == "own 78 own");
}

BOOST_AUTO_TEST_CASE(exceptions_of_callbacks_and_tasks_do_not_leave_run_forever) {  // I8, its deviation; L18
    own_loop own;
    own.loop.call_soon([] { throw std::runtime_error("in a callback"); });
    auto task = create_task([] { throw std::runtime_error("in a task"); }, {.loop = &own.loop});
    own.loop.call_later(1s, [&] { own.loop.stop(); });
    own.loop.run_forever();
    BOOST_TEST(own.reports == std::vector<std::string>{"Exception in callback"}, boost::test_tools::per_element());
    BOOST_CHECK_THROW(task.result(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_loop_whose_driver_fails_throws_that_out_of_run_forever) {
    own_loop own;  // virtual time: nothing can ever happen
    BOOST_CHECK_THROW(own.loop.run_forever(), crocus::deadlock_error);
    BOOST_TEST(own.loop.run_until_complete([] { return 1; }) == 1);
}

// ------------------------------------------------------------------------------------------------- until it is done

BOOST_AUTO_TEST_CASE(a_loop_runs_until_a_function_a_coroutine_or_a_future_is_done) {  // L7
    own_loop own;
    BOOST_TEST(own.loop.run_until_complete([] {
        crocus::sleep(1h);
        return 1;
    }) == 1);
    BOOST_TEST(own.loop.run_until_complete(crocus::coroutine<int>([] { return 2; })) == 2);
    const auto task = create_task([] { return 3; }, {.loop = &own.loop});
    BOOST_TEST(own.loop.run_until_complete(task) == 3);
    BOOST_TEST(own.loop.run_until_complete(task) == 3);  // again: it is done
    future<int> later(own.loop);
    own.loop.call_later(1s, [=]() mutable { later.set_result(4); });
    BOOST_TEST(own.loop.run_until_complete(later) == 4);
    static_assert(std::is_void_v<decltype(own.loop.run_until_complete([] {}))>);
    BOOST_CHECK_THROW(own.loop.run_until_complete([] { throw std::runtime_error("inside"); }), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_loop_stopped_before_what_it_runs_for_is_done_says_so_and_loses_nothing) {  // L7
    own_loop own;
    auto task = create_task(
        [] {
            crocus::sleep(1h);
            return 6;
        },
        {.name = "slow", .loop = &own.loop});
    own.loop.call_soon([&] { own.loop.stop(); });
    const std::string message = message_of<crocus::loop_stopped>([&] { own.loop.run_until_complete(task); });
    BOOST_TEST(contains(message, "task 'slow'"));
    BOOST_TEST(!task.done());
    BOOST_TEST(own.loop.run_until_complete(task) == 6);
}

BOOST_AUTO_TEST_CASE(a_stop_that_comes_with_the_end_of_a_run_does_not_end_the_next_one) {  // L7, L8
    own_loop own;
    BOOST_TEST(own.loop.run_until_complete([&] {
        own.loop.stop();
        return 1;
    }) == 1);
    bool called = false;
    own.loop.call_later(1s, [&] {
        called = true;
        own.loop.stop();
    });
    own.loop.run_forever();
    BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(cancelling_the_main_flow_cancels_what_the_loop_runs_for) {  // L7
    own_loop own;
    std::string seen;
    own.loop.call_later(1s, [&] { own.loop.main_agent().cancel("enough"); });
    const auto main = [&] {
        seen = crocus::test::cancellation_of([] { crocus::sleep(1h); });
        return 5;
    };
    BOOST_TEST(own.loop.run_until_complete(main) == 5);
    BOOST_TEST(seen == "enough");
    own.loop.call_later(1s, [&] { own.loop.main_agent().cancel("enough"); });
    BOOST_TEST(crocus::test::cancellation_of([&] { own.loop.run_forever(); }) == "enough");
    BOOST_TEST(own.loop.run_until_complete([] { return 6; }) == 6);  // it was for that run alone
}

BOOST_AUTO_TEST_CASE(a_stop_that_comes_before_a_run_for_what_is_done_already_is_used_up_by_it) {  // L7, L8
    own_loop own;
    future<int> done(own.loop);
    own.loop.run_until_complete([&] { done.set_result(1); });
    own.loop.stop();
    BOOST_TEST(own.loop.run_until_complete(done) == 1);
    bool called = false;
    own.loop.call_later(1s, [&] {
        called = true;
        own.loop.stop();
    });
    own.loop.run_forever();
    BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(a_main_flow_that_was_cancelled_before_cancels_what_it_runs_the_loop_for) {  // L7, T8
    std::thread([] {
        auto& loop = event_loop::current();
        future<int> f;
        loop.main_agent().cancel("before");
        BOOST_TEST(crocus::test::cancellation_of([&] { static_cast<void>(loop.run_until_complete(f)); }) == "before");
        BOOST_TEST(f.cancelled());
    }).join();
}

BOOST_AUTO_TEST_CASE(a_loop_does_not_run_for_what_belongs_to_another) {  // L7
    own_loop one, other;
    future<int> f(other.loop);
    const std::string message = message_of([&] { static_cast<void>(one.loop.run_until_complete(f)); });
    BOOST_TEST(contains(message, "belongs to another"));
    BOOST_TEST(!one.loop.is_running());
}

// ----------------------------------------------------------------------------------------------------------- closing

BOOST_AUTO_TEST_CASE(a_closed_loop_takes_nothing_more) {  // L9, L11, L20
    own_loop own;
    auto alive = std::make_shared<int>();
    own.loop.call_soon([alive] {});
    own.loop.call_later(1s, [alive] {});
    BOOST_TEST(alive.use_count() == 3);
    own.loop.close();
    own.loop.close();
    BOOST_TEST(own.loop.is_closed());
    BOOST_TEST(alive.use_count() == 1);
    BOOST_CHECK_THROW(own.loop.call_soon([alive] {}), crocus::loop_closed);
    BOOST_CHECK_THROW(own.loop.call_later(1s, [alive] {}), crocus::loop_closed);
    BOOST_CHECK_THROW(own.loop.call_soon_threadsafe([alive] {}), crocus::loop_closed);
    BOOST_CHECK_THROW(static_cast<void>(create_task([alive] {}, {.loop = &own.loop})), crocus::loop_closed);
    BOOST_CHECK_THROW(own.loop.run_forever(), crocus::loop_closed);
    BOOST_CHECK_THROW(own.loop.run_until_complete([alive] {}), crocus::loop_closed);
    BOOST_TEST(alive.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(tasks_left_at_the_end_of_a_loop_are_reported_cancelled_and_unwound) {  // L9, T17
    std::string log;
    {
        own_loop own;
        auto task = create_task(
            [&] {
                log += crocus::test::cancellation_of([] { crocus::sleep(1h); });
                crocus::sleep(1s);  // it may take its time
                log += ", unwound";
            },
            {.name = "left", .loop = &own.loop});
        own.loop.stop();
        own.loop.run_forever();
        own.loop.close();
        BOOST_TEST(task.done());
        BOOST_REQUIRE(own.reports.size() == 1U);
        BOOST_TEST(contains(own.reports.front(), "task 'left'"));
        BOOST_TEST(contains(own.reports.front(), "was pending when its event loop was closed"));
    }
    BOOST_TEST(log == "the event loop is shut down, unwound");
}

BOOST_AUTO_TEST_CASE(the_destructor_closes_a_loop) {  // L10, its deviation
    std::string log;
    auto own = std::make_unique<own_loop>();
    static_cast<void>(
        create_task([&] { log = crocus::test::cancellation_of([] { crocus::sleep(1h); }); }, {.loop = &own->loop}));
    own->loop.stop();
    own->loop.run_forever();
    own.reset();
    BOOST_TEST(log == "the event loop is shut down");
}

BOOST_AUTO_TEST_CASE(a_loop_may_be_closed_in_a_task_of_another_which_stands_still_meanwhile) {  // L9
    own_loop left;
    std::string log;
    static_cast<void>(create_task(
        [&] {
            crocus::test::cancellation_of([] { crocus::sleep(1h); });
            crocus::sleep(1s);  // in its own loop's time
            log += "unwound ";
        },
        {.loop = &left.loop}));
    left.loop.stop();
    left.loop.run_forever();
    crocus::test::run_virtual([&] {
        auto closes = create_task([&] {
            left.loop.close();
            log += "closed ";
        });
        auto other = create_task([&] { log += "other "; });
        closes.get();
        other.get();
    });
    BOOST_TEST(log == "unwound closed other ");
}

BOOST_AUTO_TEST_CASE(what_a_callback_captured_may_cancel_it_as_the_loop_is_closed) {  // L9, L17
    struct cancels {
        crocus::handle soon, later;
        ~cancels() {
            soon.cancel();
            later.cancel();
        }
    };
    own_loop own;
    auto owner = std::make_shared<cancels>();
    owner->later = own.loop.call_later(1h, [owner] {});
    owner.reset();
    owner = std::make_shared<cancels>();
    owner->soon = own.loop.call_soon([owner] {});
    const std::weak_ptr<cancels> gone = owner;
    owner.reset();
    own.loop.close();
    BOOST_TEST(gone.expired());
}

BOOST_AUTO_TEST_CASE(a_loop_whose_end_failed_takes_no_more_from_other_threads) {  // L9, L14
    struct stubborn final : crocus::executor {
        void shutdown(bool, bool) override { throw std::runtime_error("not now"); }
        void execute(crocus::work_item item) override { item.run(); }
    };
    auto own = std::make_unique<own_loop>();
    own->loop.set_default_executor(std::make_shared<stubborn>());
    const auto ref = own->loop.ref();
    std::string ignored;
    crocus::set_unraisable_hook(
        [&](const std::string&, std::exception_ptr error) { ignored += crocus::describe(error); });
    own.reset();
    crocus::set_unraisable_hook({});
    BOOST_TEST(contains(ignored, "not now"));
    BOOST_TEST(!ref.call_soon([] {}));
    ref.wake();
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_destroyed_while_it_runs_ends_the_process) {  // L10
    const auto end = crocus::test::in_child([] {
        auto loop = std::make_unique<event_loop>(virtual_time());
        loop->call_soon([&] { loop.reset(); });
        loop->run_forever();
    });
    BOOST_TEST(end.killed_by(SIGABRT));
    BOOST_TEST(contains(end.output, "an event loop was destroyed while it ran"));
}

// --------------------------------------------------------------------------------------------------------- its parts

BOOST_AUTO_TEST_CASE(futures_are_made_for_any_loop_and_know_it) {  // F1, F12, L19
    own_loop own;
    future<int> f(own.loop);
    BOOST_CHECK_THROW(static_cast<void>(f.get_loop()), crocus::usage_error);
    own.loop.run_until_complete([&] { BOOST_TEST((&f.get_loop() == &own.loop)); });
    std::thread([] {
        const future<int> of_this_thread;
        BOOST_TEST((&of_this_thread.get_loop() == &event_loop::current()));
    }).join();
}

BOOST_AUTO_TEST_CASE(a_callback_that_fails_is_reported_with_the_place_where_it_was_registered) {  // L18, L23
    event_loop loop(virtual_time());
    std::vector<crocus::exception_context> seen;
    loop.set_exception_handler([&](event_loop& of, const crocus::exception_context& context) {
        BOOST_TEST((&of == &loop));
        seen.push_back(context);
    });
    BOOST_TEST(static_cast<bool>(loop.get_exception_handler()));
    const auto line = __LINE__ + 1;
    loop.call_soon([] { throw std::runtime_error("inside"); });
    loop.stop();
    loop.run_forever();
    BOOST_REQUIRE(seen.size() == 1U);
    BOOST_TEST(seen.front().message == "Exception in callback");
    BOOST_TEST(crocus::describe(seen.front().exception) == "std::runtime_error: inside");
    BOOST_TEST(seen.front().site.line() == static_cast<unsigned>(line));
    loop.set_exception_handler({});
    BOOST_TEST(!loop.get_exception_handler());
}

BOOST_AUTO_TEST_CASE(another_librarys_loop_runs_this_one_through_the_driver) {  // L5, L12
    /// As a toolkit's: it has events of its own, and handles them while crocus has nothing to do.
    class toolkit final : public crocus::test::virtual_time_driver {
    public:
        explicit toolkit(std::string& log) : log_(log) {}
        void poll(crocus::time_point until) override {
            if (until != crocus::time_point::min()) log_ += "paint ";
            virtual_time_driver::poll(until);
        }
        [[nodiscard]] std::string_view name() const noexcept override { return "toolkit"; }

    private:
        std::string& log_;
    };
    std::string log;
    event_loop loop(std::make_unique<toolkit>(log));
    loop.run_until_complete([&] {
        crocus::sleep(1s);
        log += "work ";
        crocus::sleep(1s);
        log += "work ";
    });
    BOOST_TEST(log == "paint work paint work ");
    BOOST_TEST(loop.driver().name() == "toolkit");
}

BOOST_AUTO_TEST_CASE(an_exception_handler_may_set_another) {  // L22
    own_loop own;
    std::string seen;
    own.loop.set_exception_handler(
        [&seen, name = std::string(100, 'x')](event_loop& loop, const crocus::exception_context&) {
            loop.set_exception_handler([&seen](event_loop&, const crocus::exception_context&) { seen += " next"; });
            seen += name;
        });
    for (int i = 0; i != 2; ++i) own.loop.call_soon([] { throw std::runtime_error("inside"); });
    own.loop.stop();
    own.loop.run_forever();
    BOOST_TEST(seen == std::string(100, 'x') + " next");
}
