// Callbacks that suspend: the frames of C functions stay on the stacks of those who wait, while others call the same.
#define BOOST_TEST_MODULE callback_interleaved
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <crocus/callback.hpp>
#include <crocus/context_manager.hpp>
#include <crocus/task.hpp>

#include "support/file_tree.hpp"
#include "support/loop_tests.hpp"
#include "support/virtual_time.hpp"

namespace {

using crocus::create_task;
using crocus::through_c;
using crocus::test::cancellation_of;
using crocus::test::file_tree;
using crocus::test::open_descriptors;
using crocus::test::run_virtual;
using crocus::test::walk;
using namespace std::chrono_literals;

using compares = int(const void*, const void*);

struct oops {
    int number;
};

using numbers = std::array<int, 8>;
constexpr numbers mixed{4, 7, 1, 8, 3, 6, 2, 5};

/// Sorts with qsort, which hands no user data on; sleeps in each comparison and counts it in `calls`.
numbers sorted(int sign, crocus::duration pause, int& calls) {
    numbers sorting = mixed;
    through_c<compares>([&](auto* compare) { ::qsort(sorting.data(), sorting.size(), sizeof(int), compare); },
                        [&](const void* a, const void* b) {
                            ++calls;
                            crocus::sleep(pause);
                            return sign * (*static_cast<const int*>(a) - *static_cast<const int*>(b));
                        },
                        0);
    return sorting;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tasks_that_wait_in_the_same_c_function_keep_to_their_own_callbacks) {
    run_virtual([] {
        int up_calls = 0;
        int down_calls = 0;
        auto up = create_task([&] { return sorted(1, 2ms, up_calls); });
        auto down = create_task([&] { return sorted(-1, 3ms, down_calls); });
        const numbers rising = up.get();
        const numbers falling = down.get();
        BOOST_TEST(rising == (numbers{1, 2, 3, 4, 5, 6, 7, 8}), boost::test_tools::per_element());
        BOOST_TEST(falling == (numbers{8, 7, 6, 5, 4, 3, 2, 1}), boost::test_tools::per_element());
        BOOST_TEST(up_calls > 8);
        BOOST_TEST(down_calls > 8);
    });
}

BOOST_AUTO_TEST_CASE(many_tasks_walk_trees_by_turns_and_a_callback_walks_in_turn) {
    const file_tree outer({"1", "2", "3"});
    const file_tree inner({"a", "b"});
    run_virtual([&] {
        std::vector<std::string> seen(20);
        std::vector<crocus::task<void>> tasks;
        for (std::string& mine : seen)
            tasks.push_back(create_task([&] {
                walk(outer.root(), [&](auto...) {
                    mine += '(';
                    walk(inner.root(), [&](auto...) {
                        crocus::yield_now();
                        mine += '.';
                        return 0;
                    });
                    mine += ')';
                    return 0;
                });
            }));
        for (auto& t : tasks) t.get();
        for (const std::string& one : seen) BOOST_TEST(one == "(...)(...)(...)(...)");
    });
}

BOOST_AUTO_TEST_CASE(an_exception_in_one_task_leaves_the_others_in_the_same_c_function_alone) {
    const file_tree tree({"a", "b", "c"});
    run_virtual([&] {
        int calls = 0;
        const auto task_that = [&](bool fails) {
            return create_task([&, fails] {
                walk(tree.root(), [&](auto...) {
                    crocus::sleep(1ms);
                    if (fails) throw oops{1};
                    ++calls;
                    return 0;
                });
            });
        };
        auto first = task_that(false);
        auto failing = task_that(true);
        auto last = task_that(false);
        BOOST_CHECK_THROW(failing.get(), oops);
        first.get();
        last.get();
        BOOST_TEST(calls == 8);
    });
}

// T5
BOOST_AUTO_TEST_CASE(a_cancellation_is_raised_in_the_callback_and_stops_the_c_function) {
    const file_tree tree({"a", "b", "c"});
    run_virtual([&] {
        const auto before = open_descriptors();
        int calls = 0;
        auto t = create_task([&] {
            walk(tree.root(), [&](auto...) {
                ++calls;
                crocus::sleep(1h);
                return 0;
            });
        });
        crocus::sleep(90min);
        t.cancel("enough");
        BOOST_TEST(cancellation_of([&] { t.get(); }) == "enough");
        BOOST_TEST(calls == 2);
        BOOST_TEST(open_descriptors() == before);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_is_held_from_the_exception_until_the_c_function_has_returned) {
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            try {
                through_c<int(int)>(
                    [&](auto* call) {
                        call(1);
                        crocus::sleep(2ms);  // in another callback of the C function, say
                        crocus::generator<int> waiting = [](auto& yield) {
                            crocus::sleep(2ms);
                            yield(1);
                        };
                        waiting.next();
                        log += "returned, ";
                    },
                    [](int number) -> int { throw oops{number}; }, 0);
            } catch (const oops&) {
                log += "oops, ";
            }
            log += cancellation_of([] { crocus::sleep(1h); });
        });
        crocus::sleep(1ms);
        t.cancel("the request");
        t.get();
        BOOST_TEST(log == "returned, oops, the request");
    });
}

BOOST_AUTO_TEST_CASE(defer_cancellation_lets_the_c_function_come_to_its_end) {
    run_virtual([] {
        std::string log;
        auto t = create_task([&] {
            int calls = 0;
            crocus::defer_cancellation([&] { sorted(1, 1ms, calls); });
            log += calls > 8 ? "sorted, " : "stopped, ";
            log += cancellation_of([] { crocus::sleep(1h); });
        });
        crocus::yield_now();
        t.cancel("the request");
        t.get();
        BOOST_TEST(log == "sorted, the request");
    });
}

BOOST_AUTO_TEST_CASE(a_c_function_may_go_on_on_another_thread) {
    const file_tree tree({"a", "b", "c", "d"});
    auto files = crocus::from_callback<std::string>([&](auto& callback) {
        walk(tree.root(), [&](const char* file, auto...) {
            callback(tree.relative(file));
            return 0;
        });
    });
    int count = 0;
    for (bool more = true; more; more = count < 5) {
        std::thread([&] { count += files.next().yielded(); }).join();
        BOOST_TEST(walk(tree.root(), [](auto...) { return 3; }) == 3);  // and here meanwhile
    }
    BOOST_TEST(files.next().finished());
}

BOOST_AUTO_TEST_CASE(threads_use_the_same_c_function_at_once) {
    const auto work = [](int sign, numbers& result) {
        for (int i = 0; i != 200; ++i) {
            int calls = 0;
            result = sorted(sign, crocus::duration::zero(), calls);
        }
    };
    numbers rising{};
    numbers falling{};
    std::thread other([&] { work(-1, falling); });
    work(1, rising);
    other.join();
    BOOST_TEST(rising[0] == 1);
    BOOST_TEST(falling[0] == 8);
}
