#define BOOST_TEST_MODULE task_ensure_future
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include <crocus/concurrent_future.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/task.hpp>

#include "support/virtual_time.hpp"

using crocus::ensure_future;
using crocus::future;
using crocus::is_future;
using crocus::task;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

struct delayed_answer {
    std::unique_ptr<int> answer;
    std::unique_ptr<int> await() {
        crocus::sleep(1ms);
        return std::move(answer);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(futures_and_tasks_are_futures_and_nothing_else_is) {  // F13
    static_assert(is_future<future<int>> && is_future<future<void>> && is_future<task<int&>>);
    static_assert(!is_future<int> && !is_future<future<int>&> && !is_future<crocus::coroutine<int>> &&
                  !is_future<crocus::concurrent_future<int>> && !is_future<delayed_answer>);
    static_assert(crocus::awaitable<task<int>> && crocus::awaitable<future<void>&> &&
                  crocus::awaitable<crocus::coroutine<int>> && crocus::awaitable<delayed_answer> &&
                  crocus::awaitable<crocus::concurrent_future<int>> && !crocus::awaitable<int>);
}

BOOST_AUTO_TEST_CASE(a_handle_is_passed_through) {  // F14
    run_virtual([] {
        future<int> f;
        const auto same = ensure_future(f);
        static_assert(std::is_same_v<decltype(same), const future<int>>);
        BOOST_TEST((same.state().get() == f.state().get()));
        auto t = crocus::create_task([] { return 1; });
        auto same_task = ensure_future(std::move(t));
        static_assert(std::is_same_v<decltype(same_task), task<int>>);
        BOOST_TEST(same_task.get() == 1);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_handle_of_another_loop_is_refused) {  // F14
    std::optional<future<int>> foreign;
    std::thread([&] { crocus::run([&] { foreign.emplace(); }); }).join();
    run_virtual([&] { BOOST_CHECK_THROW(static_cast<void>(ensure_future(*foreign)), crocus::usage_error); });
}

BOOST_AUTO_TEST_CASE(a_function_and_a_coroutine_become_tasks) {  // F14
    run_virtual([] {
        const auto function = [] { return 1; };
        task<int> a = ensure_future(function);
        crocus::coroutine<std::string> c([] { return std::string("two"); }, {.name = "c"});
        task<std::string> b = ensure_future(std::move(c));
        BOOST_TEST(b.name() == "c");
        BOOST_TEST(a.get() == 1);
        BOOST_TEST(b.get() == "two");
        BOOST_CHECK_THROW(static_cast<void>(ensure_future(c)), crocus::coroutine_already_awaited);
    });
}

BOOST_AUTO_TEST_CASE(what_can_be_awaited_moves_into_a_task_that_awaits_it) {  // F14
    run_virtual([] {
        task<std::unique_ptr<int>> t = ensure_future(delayed_answer{std::make_unique<int>(5)});
        BOOST_TEST(*t.get() == 5);
        crocus::concurrent_promise<int> promise;
        promise.set_result(6);
        BOOST_TEST(ensure_future(promise.get_future()).get() == 6);
    });
}

BOOST_AUTO_TEST_CASE(the_task_says_where_it_was_made) {
    run_virtual([] {
        const auto line = std::source_location::current().line() + 1;
        const auto t = ensure_future(delayed_answer{});
        BOOST_TEST(t.state()->site().line() == line);
        t.state()->cancel("");
    });
}
