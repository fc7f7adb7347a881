// An empty task made and awaited: one at a time, and in batches.
#include <memory>
#include <vector>

#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>

namespace {

constexpr int batch = 1000;

void crocus_spawn_join(benchmark::State& state) {
    crocus::run([&state] {
        for (auto _ : state) crocus::create_task([] {}).get();
    });
}
BENCHMARK(crocus_spawn_join)->Name("spawn_join/crocus");

void crocus_spawn_join_batch(benchmark::State& state) {
    crocus::run([&state] {
        std::vector<crocus::task<void>> tasks;
        tasks.reserve(batch);
        while (state.KeepRunningBatch(batch)) {
            for (int i = 0; i < batch; ++i) tasks.push_back(crocus::create_task([] {}));
            for (auto& task : tasks) task.get();
            tasks.clear();
        }
    });
}
BENCHMARK(crocus_spawn_join_batch)->Name("spawn_join_batch/crocus");

boost::fibers::fiber boost_spawn(boost::fibers::pooled_fixedsize_stack& pool) {
    return {boost::fibers::launch::post, std::allocator_arg, pool, [] {}};
}

void boost_spawn_join(benchmark::State& state) {
    boost::fibers::pooled_fixedsize_stack pool;
    for (auto _ : state) boost_spawn(pool).join();
}
BENCHMARK(boost_spawn_join)->Name("spawn_join/boost_fiber");

void boost_spawn_join_batch(benchmark::State& state) {
    boost::fibers::pooled_fixedsize_stack pool;
    std::vector<boost::fibers::fiber> fibers;
    fibers.reserve(batch);
    while (state.KeepRunningBatch(batch)) {
        for (int i = 0; i < batch; ++i) fibers.push_back(boost_spawn(pool));
        for (auto& fiber : fibers) fiber.join();
        fibers.clear();
    }
}
BENCHMARK(boost_spawn_join_batch)->Name("spawn_join_batch/boost_fiber");

}  // namespace
