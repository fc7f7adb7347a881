// What every executor does is in executor.cpp.
#define BOOST_TEST_MODULE thread_pool
#include <barrier>
#include <boost/test/unit_test.hpp>

#include <crocus/thread_pool.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

using crocus::thread_pool_executor;

namespace {

std::string thread_name() {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return name.data();
}

/// While it lives no thread can be started: each asks for a stack larger than the address space.
class no_more_threads {
public:
    no_more_threads() {
        pthread_getattr_default_np(&normal_);
        pthread_attr_t huge;
        pthread_attr_init(&huge);
        pthread_attr_setstacksize(&huge, std::size_t{1} << 60);
        pthread_setattr_default_np(&huge);
        pthread_attr_destroy(&huge);
    }
    no_more_threads(const no_more_threads&) = delete;
    no_more_threads& operator=(const no_more_threads&) = delete;
    ~no_more_threads() {
        pthread_setattr_default_np(&normal_);
        pthread_attr_destroy(&normal_);
    }

private:
    pthread_attr_t normal_;
};

/// A call that holds its thread until open().
class gate {
public:
    [[nodiscard]] auto call() const {
        return [opened = opened_] { opened.wait(); };
    }
    void open() { opener_.set_value(); }

private:
    std::promise<void> opener_;
    std::shared_future<void> opened_ = opener_.get_future().share();
};

std::string nested_reason(const std::exception& e) {
    try {
        std::rethrow_if_nested(e);
    } catch (const std::exception& reason) {
        return reason.what();
    }
    return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_default_number_of_workers_suits_calls_that_wait) {  // E24
    BOOST_TEST(crocus::usable_processors() >= 1);
    BOOST_TEST(crocus::thread_pool_options{}.max_workers == std::min<std::size_t>(32, crocus::usable_processors() + 4));
}

BOOST_AUTO_TEST_CASE(threads_are_started_when_calls_come_up_to_the_limit) {  // E25
    std::atomic<int> started{0};
    thread_pool_executor pool({.max_workers = 3, .initializer = [&] { ++started; }});
    BOOST_TEST(started == 0);
    gate g;
    std::vector<crocus::concurrent_future<void>> calls;
    for (int i = 0; i < 9; ++i) calls.push_back(pool.submit(g.call()));
    while (started < 3) std::this_thread::yield();
    g.open();
    pool.shutdown();
    BOOST_TEST(started == 3);
}

BOOST_AUTO_TEST_CASE(one_call_starts_one_thread) {  // E25
    std::atomic<int> started{0};
    thread_pool_executor pool({.max_workers = 8, .initializer = [&] { ++started; }});
    pool.submit([] {}).get();
    pool.shutdown();
    BOOST_TEST(started == 1);
}

BOOST_AUTO_TEST_CASE(idle_threads_are_used_again) {  // E25
    std::atomic<int> started{0};
    constexpr int calls = 300;
    thread_pool_executor pool({.max_workers = calls, .initializer = [&] { ++started; }});
    for (int i = 0; i < calls; ++i) pool.submit([] {}).get();
    pool.shutdown();
    BOOST_TEST(started < calls / 2);  // a thread is idle only shortly after its result can be seen
}

BOOST_AUTO_TEST_CASE(threads_are_named) {  // E26
    thread_pool_executor named({.max_workers = 1, .thread_name_prefix = "io"});
    BOOST_TEST(named.submit(thread_name).get() == "io_0");
    thread_pool_executor cut({.max_workers = 1, .thread_name_prefix = "a_prefix_of_twenty_one"});
    BOOST_TEST(cut.submit(thread_name).get() == "a_prefix_of_t_0");
    thread_pool_executor unnamed({.max_workers = 1});
    thread_pool_executor another({.max_workers = 1});
    const std::string name = unnamed.submit(thread_name).get();
    BOOST_TEST(name.starts_with("pool-"));
    BOOST_TEST(name.ends_with("_0"));
    BOOST_TEST(another.submit(thread_name).get() != name);
}

BOOST_AUTO_TEST_CASE(the_initializer_runs_once_on_each_thread_before_its_first_call) {  // E23
    static thread_local int initialized = 0;
    thread_pool_executor pool({.max_workers = 2, .initializer = [] { ++initialized; }});
    for (const int n : pool.map([](int) { return initialized; }, std::vector<int>(50))) BOOST_TEST(n == 1);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_fails_breaks_the_pool) {  // E23, E12
    gate g;
    thread_pool_executor pool({.max_workers = 1, .initializer = [wait = g.call()] {
                                   wait();
                                   throw std::runtime_error("no database");
                               }});
    const auto first = pool.submit([] {});
    const auto second = pool.submit([] {});
    g.open();
    BOOST_CHECK_EXCEPTION(first.get(), crocus::broken_executor, [](const auto& e) {
        return std::string(e.what()).find("no database") != std::string::npos && nested_reason(e) == "no database";
    });
    BOOST_CHECK_THROW(second.get(), crocus::broken_executor);
    BOOST_CHECK_THROW(static_cast<void>(pool.submit([] {})), crocus::broken_executor);
    pool.shutdown();
}

BOOST_AUTO_TEST_CASE(without_any_thread_submit_throws_and_takes_nothing) {
    thread_pool_executor pool({.max_workers = 2});
    const auto token = std::make_shared<int>();
    {
        const no_more_threads limit;
        BOOST_CHECK_THROW(static_cast<void>(pool.submit([token] {})), crocus::broken_executor);
        BOOST_TEST(token.use_count() == 1);
    }
    BOOST_TEST(pool.submit([] { return 3; }).get() == 3);  // the next one tries again
}

BOOST_AUTO_TEST_CASE(the_threads_there_are_do_the_work_of_one_that_cannot_be_started) {
    thread_pool_executor pool({.max_workers = 2});
    gate g;
    const auto holding = pool.submit(g.call());
    const no_more_threads limit;
    const auto second = pool.submit([] { return 4; });
    g.open();
    BOOST_TEST(second.get() == 4);
}

BOOST_AUTO_TEST_CASE(any_exception_goes_to_the_future) {  // E28
    thread_pool_executor pool({.max_workers = 1});
    BOOST_CHECK_THROW(pool.submit([] { throw 5; }).get(), int);
    const auto stopped = pool.submit([] { throw crocus::cancelled_error("its own"); });
    BOOST_CHECK_THROW(stopped.get(), crocus::cancelled_error);
    BOOST_TEST(!stopped.cancelled());
}

BOOST_AUTO_TEST_CASE(a_call_may_submit_more) {
    thread_pool_executor pool({.max_workers = 1});
    const auto inner = pool.submit([&pool] { return pool.submit([] { return 9; }); }).get();
    BOOST_TEST(inner.get() == 9);
}

BOOST_AUTO_TEST_CASE(shutdown_in_one_of_its_own_calls_does_not_wait) {
    thread_pool_executor pool({.max_workers = 1});
    BOOST_TEST(pool.submit([&pool] {
                       pool.shutdown();
                       return 2;
                   })
                   .get() == 2);
    BOOST_CHECK_THROW(static_cast<void>(pool.submit([] {})), crocus::executor_shut_down);
}

BOOST_AUTO_TEST_CASE(a_pool_may_be_destroyed_in_one_of_its_own_calls) {
    auto pool = std::make_shared<thread_pool_executor>(crocus::thread_pool_options{.max_workers = 1});
    gate g;
    const auto call = pool->submit([owner = pool, wait = g.call()] { wait(); });
    pool.reset();
    g.open();
    call.get();
}

BOOST_AUTO_TEST_CASE(shutdown_may_be_called_by_several_threads) {
    thread_pool_executor pool({.max_workers = 4});
    for (int i = 0; i < 20; ++i) static_cast<void>(pool.submit([] { std::this_thread::yield(); }));
    std::thread other([&] { pool.shutdown(); });
    pool.shutdown();
    other.join();
}

BOOST_AUTO_TEST_CASE(as_many_calls_as_there_are_workers_run_at_once_however_they_come) {
    constexpr std::size_t workers = 4;
    crocus::thread_pool_executor pool({.max_workers = workers});
    // Each waits for all the others: were one of them left in the queue beside an idle worker, none would end.
    for (int round = 0; round != 300; ++round) {
        std::barrier all_run(workers);
        std::vector<crocus::concurrent_future<void>> calls;
        for (std::size_t i = 0; i != workers; ++i) calls.push_back(pool.submit([&] { all_run.arrive_and_wait(); }));
        for (auto& call : calls) call.get();
    }
}
