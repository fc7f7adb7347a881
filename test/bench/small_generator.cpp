// A generator that is made, gives three elements and is destroyed.
#include <boost/coroutine2/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/generator.hpp>

namespace {

void crocus_small_generator(benchmark::State& state) {
    for (auto _ : state) {
        int sum = 0;
        crocus::generator<int> numbers = [](auto& yield) {
            for (int i = 0; i != 3; ++i) yield(i);
        };
        for (const int i : numbers) sum += i;
        benchmark::DoNotOptimize(sum);
    }
}
BENCHMARK(crocus_small_generator)->Name("small_generator/crocus");

void boost_small_generator(benchmark::State& state) {
    using coroutine = boost::coroutines2::coroutine<int>;
    for (auto _ : state) {
        int sum = 0;
        coroutine::pull_type numbers([](coroutine::push_type& yield) {
            for (int i = 0; i != 3; ++i) yield(i);
        });
        for (const int i : numbers) sum += i;
        benchmark::DoNotOptimize(sum);
    }
}
BENCHMARK(boost_small_generator)->Name("small_generator/boost_coroutine2");

}  // namespace
