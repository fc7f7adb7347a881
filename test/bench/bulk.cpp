// Ten million integers: a plain loop, and generators whose body yields whole blocks, or runs ahead of who reads it.
#include <array>
#include <numeric>
#include <span>

#include <benchmark/benchmark.h>

#include <crocus/generator.hpp>

namespace {

constexpr int total = 10'000'000;
constexpr int block_size = 1'000;

/// The integers, block by block.
crocus::generator<int> blocks_of_numbers() {
    return [](auto& yield) {
        std::array<int, block_size> block;
        for (int first = 0; first != total; first += block_size) {
            std::iota(block.begin(), block.end(), first);
            yield.block(block);
        }
    };
}

crocus::generator<int> single_numbers() {
    return [](auto& yield) {
        for (int i = 0; i != total; ++i) yield(i);
    };
}

template <class Blocks>
long sum_of_blocks(Blocks&& blocks) {
    long sum = 0;
    for (const std::span<int> block : blocks)
        for (const int i : block) sum += i;
    return sum;
}

template <class Sum>
void measure(benchmark::State& state, Sum sum) {
    for (auto _ : state) benchmark::DoNotOptimize(sum());
    state.SetItemsProcessed(state.iterations() * total);
}

void plain_loop(benchmark::State& state) {
    measure(state, [] {
        long sum = 0;
        for (int i = 0; i != total; ++i) {
            benchmark::DoNotOptimize(i);  // or it is a formula
            sum += i;
        }
        return sum;
    });
}
BENCHMARK(plain_loop)->Name("bulk/loop");

void crocus_blocks(benchmark::State& state) {
    measure(state, [] { return sum_of_blocks(blocks_of_numbers().blocks()); });
}
BENCHMARK(crocus_blocks)->Name("bulk/crocus");

void crocus_elements(benchmark::State& state) {
    measure(state, [] {
        long sum = 0;
        for (const int i : blocks_of_numbers()) sum += i;
        return sum;
    });
}
BENCHMARK(crocus_elements)->Name("bulk/crocus_one_by_one");

void crocus_ahead(benchmark::State& state) {
    measure(state, [] { return sum_of_blocks(single_numbers().blocks(block_size)); });
}
BENCHMARK(crocus_ahead)->Name("bulk/crocus_ahead");

}  // namespace
