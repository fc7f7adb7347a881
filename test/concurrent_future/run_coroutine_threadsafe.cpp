#define BOOST_TEST_MODULE concurrent_future_run_coroutine_threadsafe
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <crocus/concurrent_future.hpp>
#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>

using crocus::run_coroutine_threadsafe;
using namespace std::chrono_literals;

namespace {

/// A thread with a loop that runs until it is told to stop.
class other_loop {
public:
    other_loop() {
        std::promise<crocus::loop_ref> made;
        auto ref = made.get_future();
        thread_ = std::thread([this, &made] {
            crocus::run(
                [&] {
                    crocus::future<void> over;
                    stop_ = [over]() mutable { over.set_result(); };
                    made.set_value(crocus::event_loop::current().ref());
                    over.get();
                    tasks_at_the_end_ = crocus::all_tasks().size();
                    stop_ = nullptr;
                },
                {.handle_interrupt = false});
        });
        ref_.emplace(ref.get());
    }
    ~other_loop() { stop(); }
    other_loop(const other_loop&) = delete;
    other_loop& operator=(const other_loop&) = delete;

    void stop() {
        if (!thread_.joinable()) return;
        ref_->call_soon([this] { stop_(); });
        thread_.join();
    }

    [[nodiscard]] const crocus::loop_ref& ref() const { return *ref_; }
    [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }
    [[nodiscard]] std::size_t tasks_at_the_end() const { return tasks_at_the_end_; }

private:
    std::thread thread_;
    std::optional<crocus::loop_ref> ref_;
    std::function<void()> stop_;
    std::size_t tasks_at_the_end_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_function_runs_in_the_other_loop_and_its_result_comes_back) {  // T48
    other_loop other;
    const auto where = run_coroutine_threadsafe(
        [] {
            crocus::sleep(1ms);
            return std::this_thread::get_id();
        },
        other.ref());
    BOOST_TEST((where.get() == other.id()));
    run_coroutine_threadsafe([] { crocus::yield_now(); }, other.ref()).get();
    BOOST_TEST(*run_coroutine_threadsafe([] { return std::make_unique<int>(1); }, other.ref()).get() == 1);
    BOOST_CHECK_THROW(run_coroutine_threadsafe([] { throw std::runtime_error("x"); }, other.ref()).get(),
                      std::runtime_error);
    other.stop();
    BOOST_TEST(other.tasks_at_the_end() == 0U);
}

BOOST_AUTO_TEST_CASE(a_coroutine_is_taken_at_the_call) {  // T48
    other_loop other;
    crocus::coroutine<int> c = [] { return 42; };
    BOOST_TEST(run_coroutine_threadsafe(c, other.ref()).get() == 42);
    BOOST_CHECK_THROW(run_coroutine_threadsafe(c, other.ref()), crocus::coroutine_already_awaited);
}

BOOST_AUTO_TEST_CASE(a_task_may_wait_for_a_task_of_another_loop_and_of_its_own) {  // T48
    other_loop other;
    crocus::run([&] {
        BOOST_TEST(run_coroutine_threadsafe([] { return 1; }, other.ref()).get() == 1);
        BOOST_TEST(run_coroutine_threadsafe([] { return 2; }, crocus::event_loop::current()).get() == 2);
    });
}

BOOST_AUTO_TEST_CASE(waiting_for_it_has_a_limit_and_the_task_goes_on) {  // T48
    other_loop other;
    crocus::concurrent_promise<int> gate;
    const auto result = run_coroutine_threadsafe([&] { return gate.get_future().get(); }, other.ref());
    BOOST_CHECK_THROW(result.get_for(1ms), crocus::timeout_error);
    gate.set_result(3);
    BOOST_TEST(result.get() == 3);
}

BOOST_AUTO_TEST_CASE(cancelling_it_cancels_the_task_where_it_waits) {  // T48
    other_loop other;
    std::promise<void> began;
    std::promise<bool> ended;
    const auto result = run_coroutine_threadsafe(
        [&] {
            began.set_value();
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {
                ended.set_value(true);
                throw;
            }
        },
        other.ref());
    began.get_future().wait();
    BOOST_TEST(result.cancel());
    BOOST_TEST(ended.get_future().get());
    BOOST_CHECK_THROW(result.get(), crocus::cancelled_error);
}

BOOST_AUTO_TEST_CASE(cancelled_before_it_began_it_never_does) {  // T7, T48
    crocus::run([] {
        bool began = false;
        const auto loop = crocus::event_loop::current().ref();
        const auto result = run_coroutine_threadsafe([&] { began = true; }, loop);
        BOOST_TEST(result.cancel());
        crocus::coroutine<> c = [&] { began = true; };
        BOOST_TEST(run_coroutine_threadsafe(c, loop).cancel());
        for (int i = 0; i != 3; ++i) crocus::yield_now();
        crocus::sleep(1ms);
        BOOST_TEST(!began);
        BOOST_CHECK_THROW(result.get(), crocus::cancelled_error);
    });
}

BOOST_AUTO_TEST_CASE(a_task_that_ends_cancelled_cancels_it) {  // T48
    other_loop other;
    const auto result = run_coroutine_threadsafe([] { throw crocus::cancelled_error(); }, other.ref());
    BOOST_CHECK_THROW(result.get(), crocus::cancelled_error);
    BOOST_TEST(result.cancelled());
}

BOOST_AUTO_TEST_CASE(cancelling_the_task_that_waits_cancels_the_task_in_the_other_loop) {  // T48
    other_loop other;
    std::promise<std::string> ended;
    crocus::run([&] {
        const auto result = run_coroutine_threadsafe(
            [&] {
                try {
                    crocus::sleep(1h);
                } catch (const crocus::cancelled_error&) {
                    ended.set_value("cancelled");
                    throw;
                }
            },
            other.ref());
        run_coroutine_threadsafe([] { crocus::yield_now(); }, other.ref()).get();  // it has begun
        auto waiting = crocus::create_task([&] { result.get(); });
        crocus::yield_now();
        waiting.cancel();
        BOOST_CHECK_THROW(waiting.get(), crocus::cancelled_error);
    });
    BOOST_TEST(ended.get_future().get() == "cancelled");
}

BOOST_AUTO_TEST_CASE(a_task_that_cannot_be_made_fails_the_future) {  // T48
    struct fails_to_move {
        int moves_left;
        explicit fails_to_move(int n) : moves_left(n) {}
        fails_to_move(fails_to_move&& other) : moves_left(other.moves_left - 1) {
            if (moves_left < 0) throw std::runtime_error("moved once too often");
        }
        void operator()() const {}
    };
    crocus::run([] {
        // Few moves bring it to the loop; where they end is found out, from the call to the task.
        bool in_the_future = false;
        for (int moves = 0; moves != 10; ++moves) {
            try {
                const auto result = run_coroutine_threadsafe(fails_to_move(moves), crocus::event_loop::current().ref());
                try {
                    result.get();
                } catch (const std::runtime_error&) {
                    in_the_future = true;
                }
            } catch (const std::runtime_error&) {
                BOOST_TEST(!in_the_future);
            }
        }
        BOOST_TEST(in_the_future);
    });
}

BOOST_AUTO_TEST_CASE(a_loop_that_is_closed_or_ends_before_fails_the_future) {  // T48
    other_loop other;
    const auto too_late_to_end = run_coroutine_threadsafe([] { crocus::sleep(1h); }, other.ref());
    run_coroutine_threadsafe([] {}, other.ref()).get();
    other.stop();  // it cancels its tasks
    BOOST_CHECK_THROW(too_late_to_end.get(), crocus::cancelled_error);
    BOOST_CHECK_THROW(run_coroutine_threadsafe([] { return 1; }, other.ref()).get(), crocus::loop_closed);
}

BOOST_AUTO_TEST_CASE(the_task_has_the_context_of_who_asked_for_it) {  // C23, T48
    static crocus::context_var<int> variable("variable", 0);
    other_loop other;
    const crocus::context_scope scope(variable.set(5));
    BOOST_TEST(run_coroutine_threadsafe([] { return variable.get(); }, other.ref()).get() == 5);
}

BOOST_AUTO_TEST_CASE(many_threads_and_cancellations_race_for_the_results) {  // T48
    other_loop other;
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i != 200; ++i) {
                const auto result = run_coroutine_threadsafe(
                    [i] {
                        for (int n = i % 3; n > 0; --n) crocus::yield_now();
                        return i;
                    },
                    other.ref());
                const bool cancelled = i % 2 == 0 && result.cancel();
                try {
                    if (result.get() != i || cancelled) std::terminate();
                } catch (const crocus::cancelled_error&) {
                    if (!cancelled) std::terminate();
                }
            }
        });
    for (auto& t : threads) t.join();
    other.stop();
    BOOST_TEST(other.tasks_at_the_end() == 0U);
}
