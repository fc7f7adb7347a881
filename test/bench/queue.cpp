// Items from task to task: one at a time between two that wait for each other, and a stream of them.
#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/queue.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>

namespace {

constexpr int end = -1;
constexpr int round_trip = 2;
constexpr std::size_t stream_capacity = 128;

// An item goes there, and one comes back: two hand-offs.

void crocus_handoff(benchmark::State& state) {
    crocus::run([&state] {
        crocus::queue<int> there(1), back(1);
        auto other = crocus::create_task([&] {
            for (int i = there.get(); i != end; i = there.get()) back.put(i);
        });
        while (state.KeepRunningBatch(round_trip)) {
            there.put(1);
            benchmark::DoNotOptimize(back.get());
        }
        there.put(end);
        other.get();
    });
}
BENCHMARK(crocus_handoff)->Name("queue_handoff/crocus");

void crocus_stream(benchmark::State& state) {
    crocus::run([&state] {
        crocus::queue<int> items(stream_capacity);
        auto consumer = crocus::create_task([&] {
            for (int i = items.get(); i != end; i = items.get()) benchmark::DoNotOptimize(i);
        });
        for (auto _ : state) items.put(1);
        items.put(end);
        consumer.get();
    });
}
BENCHMARK(crocus_stream)->Name("queue_stream/crocus");

// A channel of Boost.Fiber holds one item less than its capacity, which is a power of two.

using channel = boost::fibers::buffered_channel<int>;

template <class F>
boost::fibers::fiber boost_fiber(boost::fibers::pooled_fixedsize_stack& pool, F f) {
    return {boost::fibers::launch::post, std::allocator_arg, pool, std::move(f)};
}

void boost_handoff(benchmark::State& state) {
    boost::fibers::pooled_fixedsize_stack pool;
    channel there(2), back(2);
    auto other = boost_fiber(pool, [&] {
        for (int i = 0; there.pop(i) == boost::fibers::channel_op_status::success;) back.push(i);
    });
    while (state.KeepRunningBatch(round_trip)) {
        there.push(1);
        benchmark::DoNotOptimize(back.value_pop());
    }
    there.close();
    other.join();
}
BENCHMARK(boost_handoff)->Name("queue_handoff/boost_fiber");

void boost_stream(benchmark::State& state) {
    boost::fibers::pooled_fixedsize_stack pool;
    channel items(stream_capacity);
    auto consumer = boost_fiber(pool, [&] {
        for (int i = 0; items.pop(i) == boost::fibers::channel_op_status::success;) benchmark::DoNotOptimize(i);
    });
    for (auto _ : state) items.push(1);
    items.close();
    consumer.join();
}
BENCHMARK(boost_stream)->Name("queue_stream/boost_fiber");

}  // namespace
