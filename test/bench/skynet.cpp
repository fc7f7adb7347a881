// A tree of tasks with ten children each, a million leaves, that add up their numbers: spawning and joining at once.
#include <vector>

#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>

namespace {

constexpr long children = 10;
constexpr long sum_of_a_million = 499'999'500'000;

long crocus_tree(long first, long leaves) {
    if (leaves == 1) return first;
    std::vector<crocus::task<long>> tasks;
    tasks.reserve(children);
    for (long i = 0; i != children; ++i)
        tasks.push_back(
            crocus::create_task([=] { return crocus_tree(first + i * leaves / children, leaves / children); }));
    long sum = 0;
    for (auto& task : tasks) sum += task.get();
    return sum;
}

void crocus_skynet(benchmark::State& state) {
    crocus::run([&state] {
        for (auto _ : state)
            if (crocus_tree(0, state.range(0)) != sum_of_a_million) state.SkipWithError("a wrong sum");
    });
}
// The first time pays for the memory's pages.
BENCHMARK(crocus_skynet)->Name("skynet/crocus")->Arg(1'000'000)->Iterations(3)->Unit(benchmark::kMillisecond);

long boost_tree(long first, long leaves, boost::fibers::pooled_fixedsize_stack& pool) {
    if (leaves == 1) return first;
    std::vector<boost::fibers::future<long>> futures;
    futures.reserve(children);
    for (long i = 0; i != children; ++i) {
        boost::fibers::packaged_task<long()> task(
            [=, &pool] { return boost_tree(first + i * leaves / children, leaves / children, pool); });
        futures.push_back(task.get_future());
        boost::fibers::fiber(boost::fibers::launch::dispatch, std::allocator_arg, pool, std::move(task)).detach();
    }
    long sum = 0;
    for (auto& future : futures) sum += future.get();
    return sum;
}

// launch::dispatch is its best: a child runs at once, and few stacks are alive.
void boost_skynet(benchmark::State& state) {
    boost::fibers::pooled_fixedsize_stack pool;
    for (auto _ : state)
        if (boost_tree(0, state.range(0), pool) != sum_of_a_million) state.SkipWithError("a wrong sum");
}
BENCHMARK(boost_skynet)->Name("skynet/boost_fiber")->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
