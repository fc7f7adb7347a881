// A time limit that is set, and not reached.
#include <chrono>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/timeout.hpp>

using namespace std::chrono_literals;

namespace {

void crocus_timeout(benchmark::State& state) {
    crocus::run([&state] {
        int n = 0;
        for (auto _ : state) benchmark::DoNotOptimize(crocus::with_timeout(1s, [&] { return ++n; }));
    });
}
BENCHMARK(crocus_timeout)->Name("timeout_cancelled/crocus");

// The bare timer of an Asio program, one for all limits; its cancelled handler is run, as it must be.
void asio_timer(benchmark::State& state) {
    boost::asio::io_context context;
    boost::asio::steady_timer timer(context);
    for (auto _ : state) {
        timer.expires_after(1s);
        timer.async_wait([](const boost::system::error_code& error) { benchmark::DoNotOptimize(error.value()); });
        timer.cancel();
        context.poll();
        context.restart();
    }
}
BENCHMARK(asio_timer)->Name("timeout_cancelled/asio_one_timer");

// As programs do it that have a limit for each operation.
void asio_timeout(benchmark::State& state) {
    boost::asio::io_context context;
    for (auto _ : state) {
        auto timer = std::make_shared<boost::asio::steady_timer>(context, 1s);
        timer->async_wait([timer](const boost::system::error_code& error) { benchmark::DoNotOptimize(error.value()); });
        timer->cancel();
        context.poll();
        context.restart();
    }
}
BENCHMARK(asio_timeout)->Name("timeout_cancelled/asio");

// A limited wait that another fiber satisfies: Boost.Fiber sets its timer in that only, so two switches are in it.
void boost_timeout(benchmark::State& state) {
    boost::fibers::mutex mutex;
    boost::fibers::condition_variable changed;
    bool asked = false, over = false;
    boost::fibers::fiber other([&] {
        std::unique_lock lock(mutex);
        while (!over) {
            asked = false;
            changed.notify_all();
            changed.wait(lock, [&] { return asked || over; });
        }
    });
    std::unique_lock lock(mutex);
    for (auto _ : state) {
        asked = true;
        changed.notify_all();
        benchmark::DoNotOptimize(changed.wait_for(lock, 1s, [&] { return !asked; }));
    }
    over = true;
    changed.notify_all();
    lock.unlock();
    other.join();
}
BENCHMARK(boost_timeout)->Name("timeout_cancelled/boost_fiber");

}  // namespace
