// What belongs to a thread, seen by tasks, which stay on theirs, and by generators, which may be resumed anywhere.
// b2 test-all runs it with link-time optimization, where compilers keep most.
#define BOOST_TEST_MODULE fiber_thread_state
#include <cerrno>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <boost/test/unit_test.hpp>
#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

using crocus::fiber;
using crocus::generator;

thread_local int local = 0;

struct belongings {
    int* error_number = &errno;
    pthread_t self = ::pthread_self();
    int* own = &local;

    bool operator==(const belongings&) const = default;
};

/// Not inline: pthread_self is declared const, and the compiler would not ask again after a switch.
[[gnu::noinline]] std::thread::id this_thread() {
    asm volatile("");
    return std::this_thread::get_id();
}

/// Boost.Test's macros belong to the main thread: others count what is wrong.
int wrong_in_a_loop_of_tasks() {
    int wrong = 0;
    crocus::run([&] {
        const belongings here;
        std::vector<crocus::task<void>> tasks;
        for (int number = 1; number <= 16; ++number)
            tasks.push_back(crocus::create_task([&wrong, &here] {
                const belongings mine;
                for (int i = 0; i != 500; ++i) {
                    crocus::yield_now();
                    wrong += !(belongings() == mine);
                }
                wrong += !(mine == here);
            }));
        for (auto& t : tasks) t.get();
    });
    return wrong;
}

/// Each step on a thread of its own.
template <class F>
void on_a_thread(F f) {
    std::thread(f).join();
}

}  // namespace

// users_ask T5
BOOST_AUTO_TEST_CASE(a_task_finds_its_threads_belongings_at_the_same_place_all_its_life) {
    int wrong[4] = {};
    std::vector<std::thread> threads;
    for (int& w : wrong) threads.emplace_back([&w] { w = wrong_in_a_loop_of_tasks(); });
    for (auto& t : threads) t.join();
    for (const int w : wrong) BOOST_TEST(w == 0);
}

BOOST_AUTO_TEST_CASE(errno_belongs_to_the_task) {
    crocus::run([] {
        std::vector<crocus::task<int>> tasks;
        for (int number = 1; number <= 4; ++number)
            tasks.push_back(crocus::create_task([number] {
                int wrong = 0;
                for (int i = 0; i != 10; ++i) {
                    errno = number * 100 + i;
                    crocus::yield_now();
                    wrong += errno != number * 100 + i;
                }
                return wrong;
            }));
        for (auto& t : tasks) BOOST_TEST(t.get() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_generator_that_moves_between_threads_finds_itself_running_on_each) {
    const fiber* body = nullptr;
    int wrong = 0;
    generator<std::thread::id> ids = [&](auto& yield) {
        body = &fiber::current();
        for (;;) {
            yield(this_thread());
            wrong += &fiber::current() != body;
        }
    };
    for (int i = 0; i != 100; ++i)
        on_a_thread([&] {
            const fiber& own = fiber::current();
            wrong += *ids.next() != this_thread();
            wrong += &fiber::current() != &own;
            wrong += *ids.next() != this_thread();
            wrong += body == &own;
        });
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(wherever_it_was_resumed_a_body_may_yield_and_others_may_not_for_it) {
    generator<int>::yielder* outside = nullptr;
    generator<int> numbers = [&](auto& yield) {
        outside = &yield;
        for (int i = 0;; ++i) yield(i);
    };
    int wrong = 0;
    for (int i = 0; i != 100; ++i)
        on_a_thread([&] {
            wrong += *numbers.next() != i;
            try {
                (*outside)(0);
                ++wrong;
            } catch (const crocus::wrong_fiber&) {
            }
        });
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(inner_generators_come_along_and_throw_on_every_thread) {
    int wrong = 0;
    generator<int> outer = [&](auto& yield) {
        generator<int> inner = [](auto& y) {
            for (int i = 0;; ++i) {
                try {
                    throw i;
                } catch (int caught) {
                    y(caught);
                }
            }
        };
        for (;;) {
            const int i = *inner.next();
            try {
                throw std::to_string(i);
            } catch (const std::string& caught) {
                yield(i);
                wrong += caught != std::to_string(i);
                wrong += std::current_exception() == nullptr;
            }
            wrong += std::current_exception() != nullptr;
            wrong += std::uncaught_exceptions();
        }
    };
    for (int i = 0; i != 100; ++i)
        on_a_thread([&] {
            wrong += *outer.next() != i;
            wrong += std::current_exception() != nullptr;
        });
    BOOST_TEST(wrong == 0);
}
