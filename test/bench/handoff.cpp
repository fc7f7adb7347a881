// From one task to another and back: by semaphores, by a condition, by a mutex that both want; and a mutex nobody else
// wants.
#include <mutex>

#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/sync/condition_variable.hpp>
#include <crocus/sync/mutex.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>

namespace {

struct crocus_runtime {
    using mutex = crocus::mutex;
    using condition_variable = crocus::condition_variable;
    using semaphore = crocus::semaphore;

    template <class Body>
    static void run(Body body) {
        crocus::run(body);
    }
    /// Runs both functions, the second one as the caller.
    template <class Other, class Self>
    static void beside(Other other, Self self) {
        auto task = crocus::create_task(other);
        self();
        task.get();
    }
    static void yield() { crocus::yield_now(); }
};

struct boost_runtime {
    using mutex = boost::fibers::mutex;
    using condition_variable = boost::fibers::condition_variable;

    /// Boost.Fiber has none.
    class semaphore {
    public:
        explicit semaphore(int permits) : permits_(permits) {}
        void acquire() {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return permits_ != 0; });
            --permits_;
        }
        void release() {
            {
                const std::lock_guard lock(mutex_);
                ++permits_;
            }
            changed_.notify_one();
        }

    private:
        boost::fibers::mutex mutex_;
        boost::fibers::condition_variable changed_;
        int permits_;
    };

    template <class Body>
    static void run(Body body) {
        body();
    }
    template <class Other, class Self>
    static void beside(Other other, Self self) {
        boost::fibers::fiber fiber(other);
        self();
        fiber.join();
    }
    static void yield() { boost::this_fiber::yield(); }
};

// In each, an item is one way.

template <class Runtime>
void semaphore_handoff(benchmark::State& state) {
    Runtime::run([&state] {
        typename Runtime::semaphore there(0);
        typename Runtime::semaphore back(0);
        bool over = false;
        Runtime::beside(
            [&] {
                for (;;) {
                    there.acquire();
                    if (over) return;
                    back.release();
                }
            },
            [&] {
                while (state.KeepRunningBatch(2)) {
                    there.release();
                    back.acquire();
                }
                over = true;
                there.release();
            });
    });
}
BENCHMARK(semaphore_handoff<crocus_runtime>)->Name("semaphore_handoff/crocus");
BENCHMARK(semaphore_handoff<boost_runtime>)->Name("semaphore_handoff/boost_fiber");

template <class Runtime>
void condition_handoff(benchmark::State& state) {
    Runtime::run([&state] {
        typename Runtime::mutex mutex;
        typename Runtime::condition_variable changed;
        int turn = 0;
        bool over = false;
        const auto take_turns = [&](int self, auto goes_on) {
            std::unique_lock lock(mutex);
            while (goes_on()) {
                changed.wait(lock, [&] { return turn == self || over; });
                turn = 1 - self;
                changed.notify_one();
            }
        };
        Runtime::beside([&] { take_turns(1, [&] { return !over; }); },
                        [&] {
                            take_turns(0, [&] { return state.KeepRunningBatch(2); });
                            over = true;
                            changed.notify_one();
                        });
    });
}
BENCHMARK(condition_handoff<crocus_runtime>)->Name("condition_handoff/crocus");
BENCHMARK(condition_handoff<boost_runtime>)->Name("condition_handoff/boost_fiber");

template <class Runtime>
void mutex_handoff(benchmark::State& state) {
    Runtime::run([&state] {
        typename Runtime::mutex mutex;
        bool over = false;
        const auto hold_across_yield = [&] {
            const std::lock_guard lock(mutex);
            Runtime::yield();
        };
        Runtime::beside(
            [&] {
                while (!over) hold_across_yield();
            },
            [&] {
                while (state.KeepRunningBatch(2)) hold_across_yield();
                over = true;
            });
    });
}
BENCHMARK(mutex_handoff<crocus_runtime>)->Name("mutex_handoff/crocus");
BENCHMARK(mutex_handoff<boost_runtime>)->Name("mutex_handoff/boost_fiber");

template <class Runtime>
void mutex_uncontended(benchmark::State& state) {
    Runtime::run([&state] {
        typename Runtime::mutex mutex;
        for (auto _ : state) {
            mutex.lock();
            benchmark::ClobberMemory();
            mutex.unlock();
        }
    });
}
BENCHMARK(mutex_uncontended<crocus_runtime>)->Name("mutex_uncontended/crocus");
BENCHMARK(mutex_uncontended<boost_runtime>)->Name("mutex_uncontended/boost_fiber");

}  // namespace
