// One element of a generator, read in a range-for.
#include <boost/coroutine2/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/generator.hpp>

#include "support/stackless_generator.hpp"

namespace {

template <class Generator>
void read(benchmark::State& state, Generator& numbers) {
    long sum = 0;
    for (const int number : numbers) {
        sum += number;
        if (!state.KeepRunning()) break;
    }
    benchmark::DoNotOptimize(sum);
}

void crocus_generator(benchmark::State& state) {
    crocus::generator<int> numbers = [](auto& yield) {
        for (int i = 0;; ++i) yield(i & 0xff);
    };
    read(state, numbers);
}
BENCHMARK(crocus_generator)->Name("generator/crocus");

void boost_generator(benchmark::State& state) {
    using coroutine = boost::coroutines2::coroutine<int>;
    coroutine::pull_type numbers([](coroutine::push_type& yield) {
        for (int i = 0;; ++i) yield(i & 0xff);
    });
    read(state, numbers);
}
BENCHMARK(boost_generator)->Name("generator/boost_coroutine2");

bench::stackless_generator<int> count() {
    for (int i = 0;; ++i) co_yield i & 0xff;
}

void stackless_generator(benchmark::State& state) {
    auto numbers = count();
    read(state, numbers);
}
BENCHMARK(stackless_generator)->Name("generator/stackless");

}  // namespace
