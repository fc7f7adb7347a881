#define BOOST_TEST_MODULE executor
#include <boost/test/unit_test.hpp>

#include <crocus/executor.hpp>
#include <crocus/task.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/unraisable.hpp>

#include <array>
#include <future>
#include <memory>
#include <mutex>
#include <ranges>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using crocus::concurrent_future;
using crocus::concurrent_promise;

namespace {

/// A user's executor: as small as one can be.
class one_thread_executor final : public crocus::executor {
public:
    ~one_thread_executor() override { shutdown(); }

    void shutdown(bool wait = true, bool cancel_futures = false) override {
        {
            const std::scoped_lock lock(mutex_);
            shut_down_ = true;
            if (cancel_futures)
                for (auto& item : std::exchange(queue_, {})) item.cancel();
        }
        changed_.notify_all();
        if (wait) {
            ended_.get_future().wait();
            if (thread_.joinable()) thread_.join();
        }
    }

private:
    void execute(crocus::work_item item) override {
        const std::scoped_lock lock(mutex_);
        if (shut_down_) throw crocus::executor_shut_down();
        queue_.push_back(std::move(item));
        changed_.notify_all();
    }

    void serve() {
        for (;;) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return shut_down_ || !queue_.empty(); });
            if (queue_.empty()) break;
            auto item = std::move(queue_.front());
            queue_.erase(queue_.begin());
            lock.unlock();
            item.run();
        }
        ended_.set_result();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<crocus::work_item> queue_;
    bool shut_down_ = false;
    concurrent_promise<void> ended_;
    std::thread thread_{[this] { serve(); }};
};

/// Keeps what it is given, for tests that run it themselves.
class manual_executor final : public crocus::executor {
public:
    void shutdown(bool = true, bool = false) override {}
    std::vector<crocus::work_item> items;

private:
    void execute(crocus::work_item item) override { items.push_back(std::move(item)); }
};

long square_of(long n) {
    if (n < 0) throw std::domain_error("negative");
    return n * n;
}

template <class Pool>
class subject_on {
public:
    static constexpr bool has_a_limit = std::is_constructible_v<Pool, crocus::thread_pool_options>;

    explicit subject_on(std::size_t workers) requires has_a_limit : pool({.max_workers = workers}) {}
    explicit subject_on(std::size_t) requires(!has_a_limit) {}
    ~subject_on() { open(); }

    concurrent_future<long> square(long n) { return pool.submit(square_of, n); }
    concurrent_future<void> nothing() {
        return pool.submit([] {});
    }
    concurrent_future<int> wait_at_gate(int n) {
        return pool.submit([n, gate = gate_] {
            gate.wait();
            return n;
        });
    }
    void open() {
        if (!std::exchange(opened_, true)) opener_.set_value();
    }
    auto map_squares(std::vector<long> numbers) { return pool.map(square_of, std::move(numbers)); }

private:
    std::promise<void> opener_;
    std::shared_future<void> gate_ = opener_.get_future().share();
    bool opened_ = false;

public:
    Pool pool;
};

using subjects = std::tuple<subject_on<crocus::thread_pool_executor>, subject_on<one_thread_executor>>;

}  // namespace

#include "support/executor_suite.hpp"
#include "support/virtual_time.hpp"

BOOST_AUTO_TEST_CASE(arguments_are_moved_or_copied_in_and_references_need_ref) {  // E13
    crocus::thread_pool_executor pool({.max_workers = 1});
    auto box = std::make_unique<int>(4);
    BOOST_TEST(pool.submit([](std::unique_ptr<int> p) { return *p + 1; }, std::move(box)).get() == 5);
    int counter = 0;
    pool.submit([](int& n) { ++n; }, std::ref(counter)).get();
    BOOST_TEST(counter == 1);
    const std::string text = "abc";
    BOOST_TEST(pool.submit(&std::string::size, text).get() == 3);
    int& same = pool.submit([&counter]() -> int& { return counter; }).get();
    BOOST_TEST(&same == &counter);
}

BOOST_AUTO_TEST_CASE(what_a_call_holds_is_gone_before_its_result_can_be_seen) {  // E21
    crocus::thread_pool_executor pool({.max_workers = 1});
    for (int i = 0; i < 100; ++i) {
        const auto token = std::make_shared<int>();
        pool.submit([token](const std::shared_ptr<int>&) {}, token).get();
        BOOST_REQUIRE(token.use_count() == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_is_destroyed_though_the_executor_still_has_its_place) {  // E21
    manual_executor manual;
    const auto token = std::make_shared<int>();
    const auto call = manual.submit([token] {});
    BOOST_TEST(token.use_count() == 2);
    call.cancel();
    BOOST_TEST(token.use_count() == 1);
    manual.items.front().run();
    BOOST_TEST(call.cancelled());
}

BOOST_AUTO_TEST_CASE(a_call_that_the_executor_drops_fails) {
    manual_executor manual;
    const auto call = manual.submit([] { return 1; });
    manual.items.clear();
    BOOST_CHECK_THROW(call.get(), crocus::broken_executor);
}

BOOST_AUTO_TEST_CASE(an_abandoned_map_waits_for_the_calls_that_run) {  // their callables may refer to this frame
    crocus::thread_pool_executor pool({.max_workers = 1});
    std::atomic<bool> running{false};
    std::atomic<bool> may_end{false};
    bool leaving = false;
    const auto call = [&](int) {
        running = true;
        while (!may_end) std::this_thread::yield();
        running = false;
    };
    crocus::run([&] {
        crocus::gather(
            [&] {
                {
                    const auto results = pool.map(call, std::vector<int>{1, 2});
                    while (!running) crocus::yield_now();
                    leaving = true;
                }
                BOOST_TEST(!running);
                may_end = true;
            },
            [&] {
                while (!leaving) crocus::yield_now();
                may_end = true;
            });
    });
}

static_assert(std::ranges::input_range<crocus::map_results<int>>);
static_assert(std::ranges::input_range<crocus::map_results<void>>);

BOOST_AUTO_TEST_CASE(map_of_void_calls_gives_monostate) {
    crocus::thread_pool_executor pool({.max_workers = 2});
    std::atomic<int> sum{0};
    std::size_t steps = 0;
    for ([[maybe_unused]] const std::monostate none : pool.map([&](int n) { sum += n; }, std::array{1, 2, 3})) ++steps;
    BOOST_TEST(steps == 3);
    BOOST_TEST(sum == 6);
}

BOOST_AUTO_TEST_CASE(map_that_cannot_submit_all_leaves_nothing_running) {
    class refusing final : public crocus::executor {
    public:
        explicit refusing(crocus::executor& to) : to_(to) {}
        void shutdown(bool = true, bool = false) override {}

    private:
        void execute(crocus::work_item item) override {
            if (++count_ == 3) throw crocus::executor_shut_down();
            to_.submit([moved = std::make_shared<crocus::work_item>(std::move(item))] { moved->run(); });
        }
        crocus::executor& to_;
        int count_ = 0;
    };
    crocus::thread_pool_executor pool({.max_workers = 2});
    refusing executor(pool);
    std::atomic<int> running{0};
    const auto count = [&](int) {
        ++running;
        std::this_thread::yield();
        --running;
    };
    BOOST_CHECK_THROW(static_cast<void>(executor.map(count, std::vector<int>{1, 2, 3, 4})), crocus::executor_shut_down);
    BOOST_TEST(running == 0);
}

// ---------------------------------------------------------------------------------------------------- in an event loop

BOOST_AUTO_TEST_CASE(run_in_executor_returns_the_value_and_throws_what_the_call_throws) {  // X1
    crocus::thread_pool_executor pool({.max_workers = 1});
    crocus::run([&] {
        const auto here = std::this_thread::get_id();
        BOOST_TEST(crocus::run_in_executor(pool, [&] { return std::this_thread::get_id() != here; }));
        BOOST_TEST(*crocus::run_in_executor(pool, [] { return std::make_unique<int>(4); }) == 4);
        BOOST_CHECK_THROW(crocus::run_in_executor(pool, [] { throw std::out_of_range("x"); }), std::out_of_range);
    });
    BOOST_TEST(crocus::run_in_executor(pool, [] { return 3; }) == 3);  // without a loop too
}

BOOST_AUTO_TEST_CASE(run_in_executor_cancelled_before_the_call_begins_never_runs_it) {  // X1
    manual_executor manual;
    crocus::run([&] {
        bool ran = false;
        auto calling = crocus::create_task([&] { crocus::run_in_executor(manual, [&ran] { ran = true; }); });
        crocus::yield_now();
        BOOST_TEST(manual.items.size() == 1);
        calling.cancel("stop");
        try {
            calling.get();
            BOOST_ERROR("not cancelled");
        } catch (const crocus::cancelled_error& e) {
            BOOST_TEST(e.message() == "stop");
        }
        manual.items.front().run();
        BOOST_TEST(!ran);
    });
}

BOOST_AUTO_TEST_CASE(run_in_executor_cancelled_while_the_call_runs_waits_and_delivers) {  // T6, X1
    crocus::thread_pool_executor pool({.max_workers = 1});
    crocus::run([&] {
        std::atomic<bool> begun{false};
        std::atomic<bool> may_end{false};
        auto calling = crocus::create_task([&] {
            const int result = crocus::run_in_executor(pool, [&] {
                begun = true;
                while (!may_end) std::this_thread::yield();
                return 8;
            });
            BOOST_CHECK_THROW(crocus::yield_now(), crocus::cancelled_error);  // held until now
            return result;
        });
        while (!begun) crocus::yield_now();
        calling.cancel();
        for (int i = 0; i < 10; ++i) crocus::yield_now();
        BOOST_TEST(!calling.done());
        may_end = true;
        BOOST_TEST(calling.get() == 8);
    });
}

BOOST_AUTO_TEST_CASE(a_call_learns_of_the_cancellation_through_a_stop_token) {  // users' T24
    crocus::thread_pool_executor pool({.max_workers = 1});
    crocus::run([&] {
        std::atomic<bool> begun{false};
        int result = 0;
        auto calling = crocus::create_task([&] {
            result = crocus::run_in_executor(pool, [&](const std::stop_token& stop) {
                begun = true;
                while (!stop.stop_requested()) std::this_thread::yield();
                return 1;
            });
        });
        while (!begun) crocus::yield_now();
        calling.cancel();
        BOOST_CHECK_THROW(calling.get(), crocus::cancelled_error);
        BOOST_TEST(result == 1);
    });
}

BOOST_AUTO_TEST_CASE(run_in_executor_in_a_cancelled_task_does_not_submit) {
    manual_executor manual;
    crocus::run([&] {
        auto calling = crocus::create_task([&] {
            crocus::defer_cancellation([] { crocus::yield_now(); });
            crocus::run_in_executor(manual, [] {});
        });
        crocus::yield_now();
        calling.cancel();
        BOOST_CHECK_THROW(calling.get(), crocus::cancelled_error);
        BOOST_TEST(manual.items.empty());
    });
}

BOOST_AUTO_TEST_CASE(run_in_executor_in_a_loop_callback_does_not_submit) {
    manual_executor manual;
    crocus::run([&] {
        bool refused = false;
        crocus::event_loop::current().call_soon([&] {
            try {
                crocus::run_in_executor(manual, [] {});
            } catch (const crocus::cannot_suspend&) {
                refused = true;
            }
        });
        crocus::yield_now();
        BOOST_TEST(refused);
        BOOST_TEST(manual.items.empty());
    });
}

BOOST_AUTO_TEST_CASE(a_loop_that_fails_does_not_leave_the_call_running) {
    class begins_at_once final : public crocus::executor {
    public:
        ~begins_at_once() override { shutdown(); }
        void shutdown(bool = true, bool = false) override {
            if (thread_.joinable()) thread_.join();
        }
        std::atomic<bool> begun{false};

    private:
        void execute(crocus::work_item item) override {
            thread_ = std::thread([moved = std::move(item)]() mutable { moved.run(); });
            while (!begun) std::this_thread::yield();
        }
        std::thread thread_;
    };
    begins_at_once executor;
    std::atomic<bool> broken{false};
    std::atomic<bool> ended{false};
    const auto call = [&] {
        executor.begun = true;
        while (!broken) std::this_thread::yield();
        ended = true;
    };
    struct breaks_when_it_waits final : crocus::test::virtual_time_driver {
        explicit breaks_when_it_waits(std::atomic<bool>& b) : broken(b) {}
        void poll(crocus::time_point until) override {
            if (until == crocus::time_point::min()) return virtual_time_driver::poll(until);
            broken = true;
            throw std::runtime_error("broken");
        }
        std::atomic<bool>& broken;
    };
    const auto test = [&] {
        BOOST_CHECK_THROW(crocus::run_in_executor(executor, call), std::runtime_error);
        BOOST_TEST(ended);
    };
    crocus::run(test, {.driver = std::make_unique<breaks_when_it_waits>(broken)});
}

BOOST_AUTO_TEST_CASE(to_thread_runs_in_the_default_executor) {  // X2, X3
    crocus::run([] {
        const auto here = std::this_thread::get_id();
        BOOST_TEST(crocus::to_thread([&] { return std::this_thread::get_id() != here; }));
        BOOST_CHECK_THROW(crocus::to_thread([] { throw std::out_of_range("x"); }), std::out_of_range);
        crocus::event_loop::current().set_default_executor(std::make_shared<manual_executor>());
        auto calling = crocus::create_task([] { return crocus::to_thread([] { return 1; }); });
        crocus::yield_now();
        auto& manual = dynamic_cast<manual_executor&>(crocus::event_loop::current().default_executor());
        BOOST_REQUIRE(manual.items.size() == 1);
        manual.items.front().run();
        BOOST_TEST(calling.get() == 1);
    });
}

BOOST_AUTO_TEST_CASE(to_thread_can_abandon_its_call_and_reports_what_that_throws) {  // users' T24
    std::promise<std::string> report;
    auto old = crocus::set_unraisable_hook(
        [&](const std::string&, const std::exception_ptr& e) { report.set_value(crocus::test::what(e)); });
    crocus::run([&] {
        std::promise<void> gate;
        const auto begun = std::make_shared<std::atomic<bool>>(false);
        auto calling = crocus::create_task([&] {
            crocus::to_thread(
                [begun, opened = gate.get_future().share()] {
                    *begun = true;
                    opened.wait();
                    throw std::runtime_error("nobody is left to hear this");
                },
                {.abandon_on_cancel = true});
        });
        while (!*begun) crocus::yield_now();
        calling.cancel();
        BOOST_CHECK_THROW(calling.get(), crocus::cancelled_error);  // though it runs
        gate.set_value();
    });
    BOOST_TEST(report.get_future().get() == "nobody is left to hear this");
    crocus::set_unraisable_hook(std::move(old));
}
