// 100,000 tasks that sleep, each for times of its own, ten times between 1 and 100 ms: processor time per sleep, user
// and system, without that of making them.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t sleepers = 100'000;
constexpr int sleeps = 10;
constexpr auto measured = static_cast<benchmark::IterationCount>(sleepers * (sleeps - 1));

/// The times are the same in every run, and for everybody.
class times {
public:
    explicit times(std::size_t of) : state_(of * 2'654'435'761U + 1) {}
    std::chrono::microseconds next() {
        state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
        return 1ms + std::chrono::microseconds((state_ >> 33) % 99'000);
    }

private:
    std::uint64_t state_;
};

/// Measures from when all have slept once.
class measurement {
public:
    explicit measurement(benchmark::State& state) : state_(state) { state_.PauseTiming(); }
    void one_has_begun() {
        if (++begun_ == sleepers) state_.ResumeTiming();
    }

private:
    benchmark::State& state_;
    std::size_t begun_ = 0;
};

void crocus_sleep(benchmark::State& state) {
    while (state.KeepRunningBatch(measured)) {
        measurement m(state);
        crocus::run([&] {
            std::vector<crocus::task<void>> tasks;
            for (std::size_t i = 0; i != sleepers; ++i)
                tasks.push_back(crocus::create_task([&m, own = times(i)]() mutable {
                    crocus::sleep(own.next());
                    m.one_has_begun();
                    for (int n = 1; n != sleeps; ++n) crocus::sleep(own.next());
                }));
            for (auto& t : tasks) t.get();
        });
    }
}
BENCHMARK(crocus_sleep)->Name("sleep_100k/crocus")->Iterations(measured);

boost::asio::awaitable<void> asio_sleeper(measurement& m, times own) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    for (int n = 0; n != sleeps; ++n) {
        timer.expires_after(own.next());
        co_await timer.async_wait(boost::asio::use_awaitable);
        if (n == 0) m.one_has_begun();
    }
}

void asio_sleep(benchmark::State& state) {
    while (state.KeepRunningBatch(measured)) {
        measurement m(state);
        boost::asio::io_context context(1);
        for (std::size_t i = 0; i != sleepers; ++i)
            boost::asio::co_spawn(context, asio_sleeper(m, times(i)), boost::asio::detached);
        context.run();
    }
}
BENCHMARK(asio_sleep)->Name("sleep_100k/asio")->Iterations(measured);

void boost_sleep(benchmark::State& state) {
    while (state.KeepRunningBatch(measured)) {
        measurement m(state);
        boost::fibers::fixedsize_stack stacks(16 * 1024);
        std::vector<boost::fibers::fiber> fibers;
        fibers.reserve(sleepers);
        for (std::size_t i = 0; i != sleepers; ++i)
            fibers.emplace_back(boost::fibers::launch::post, std::allocator_arg, stacks,
                                [&m, own = times(i)]() mutable {
                                    boost::this_fiber::sleep_for(own.next());
                                    m.one_has_begun();
                                    for (int n = 1; n != sleeps; ++n) boost::this_fiber::sleep_for(own.next());
                                });
        for (auto& fiber : fibers) fiber.join();
    }
}
BENCHMARK(boost_sleep)->Name("sleep_100k/boost_fiber")->Iterations(measured);

}  // namespace
