// One yield among 2 and among 1,000 ready tasks.
#include <cstddef>
#include <vector>

#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

// The measuring task is one of them: while it yields once, each other one does.

void crocus_yield(benchmark::State& state) {
    crocus::run([&state] {
        bool over = false;
        std::vector<crocus::task<void>> others;
        for (auto i = state.range(0); i > 1; --i)
            others.push_back(crocus::create_task([&over] {
                while (!over) crocus::yield_now();
            }));
        while (state.KeepRunningBatch(state.range(0))) crocus::yield_now();
        over = true;
        for (auto& other : others) other.get();
    });
}
BENCHMARK(crocus_yield)->Name("yield/crocus")->Arg(2)->Arg(1000);

void boost_yield(benchmark::State& state) {
    bool over = false;
    std::vector<boost::fibers::fiber> others;
    for (auto i = state.range(0); i > 1; --i)
        others.emplace_back([&over] {
            while (!over) boost::this_fiber::yield();
        });
    while (state.KeepRunningBatch(state.range(0))) boost::this_fiber::yield();
    over = true;
    for (auto& other : others) other.join();
}
BENCHMARK(boost_yield)->Name("yield/boost_fiber")->Arg(2)->Arg(1000);

}  // namespace
