// One element through delegating generators: yield.from, with 1 and 1,000 of them above the one that yields.
#include <benchmark/benchmark.h>

#include <crocus/generator.hpp>

namespace {

crocus::generator<int> tower(long depth) {
    return [depth](auto& yield) {
        if (depth != 0) yield.from(tower(depth - 1));
        for (int i = 0;; ++i) yield(i & 0xff);
    };
}

void crocus_yield_from(benchmark::State& state) {
    auto numbers = tower(state.range(0));
    static_cast<void>(numbers.next());
    long sum = 0;
    for (const int number : numbers) {
        sum += number;
        if (!state.KeepRunning()) break;
    }
    benchmark::DoNotOptimize(sum);
}
BENCHMARK(crocus_yield_from)->Name("yield_from/crocus")->Arg(1)->Arg(1000);

}  // namespace
