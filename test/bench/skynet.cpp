// A tree of tasks with ten children each, a million leaves, that add up their numbers: spawning and joining at once.
#include <vector>

#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>

namespace {

constexpr long children = 10;
constexpr long sum_of_a_million = 499'999'500'000;

long crocus_tree(long first, long leaves, const crocus::task_options& how) {
    if (leaves == 1) return first;
    std::vector<crocus::task<long>> tasks;
    tasks.reserve(children);
    for (long i = 0; i != children; ++i)
        tasks.push_back(
            crocus::create_task([=, &how] { return crocus_tree(first + i * leaves / children, leaves / children, how); }, how));
    long sum = 0;
    for (auto& task : tasks) sum += task.get();
    return sum;
}

void crocus_skynet(benchmark::State& state, const crocus::task_options& how) {
    crocus::run([&] {
        for (auto _ : state)
            if (crocus_tree(0, state.range(0), how) != sum_of_a_million) state.SkipWithError("a wrong sum");
    });
}
// Eager tasks run at once, and few stacks are alive. In order, a hundred thousand are: the first time pays for the
// memory's pages.
BENCHMARK_CAPTURE(crocus_skynet, eager, crocus::task_options{.eager_start = true})
    ->Name("skynet/crocus")
    ->Arg(1'000'000)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(crocus_skynet, in_order, crocus::task_options{})
    ->Name("skynet/crocus_in_order")
    ->Arg(1'000'000)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

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
