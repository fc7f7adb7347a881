// Every node of a balanced binary tree, in order: a recursive function that yields.
#include <boost/coroutine2/all.hpp>

#include <memory>

#include <benchmark/benchmark.h>

#include <crocus/generator.hpp>

namespace {

constexpr int levels = 16;

struct node {
    int value;
    std::unique_ptr<node> left, right;
};

std::unique_ptr<node> tree(int depth, int& next) {
    if (depth == 0) return nullptr;
    auto left = tree(depth - 1, next);
    const int value = next++;
    return std::make_unique<node>(value, std::move(left), tree(depth - 1, next));
}

const node& the_tree() {
    static int next = 0;
    static const auto root = tree(levels, next);
    return *root;
}

template <class Yielder>
void walk(const node* at, Yielder& yield) {
    if (at == nullptr) return;
    walk(at->left.get(), yield);
    yield(at->value);
    walk(at->right.get(), yield);
}

/// The same where every node has a generator, which delegates to those of its children.
crocus::generator<int> delegating(const node* at) {
    return [at](auto& yield) {
        if (at->left) yield.from(delegating(at->left.get()));
        yield(at->value);
        if (at->right) yield.from(delegating(at->right.get()));
    };
}

template <class Values>
long sum_of(Values&& values) {
    long sum = 0;
    for (const int value : values) sum += value;
    return sum;
}

template <class Make>
void measure(benchmark::State& state, Make make) {
    static_cast<void>(the_tree());
    for (auto _ : state) benchmark::DoNotOptimize(sum_of(make()));
    state.SetItemsProcessed(state.iterations() * ((1 << levels) - 1));
}

void crocus_tree(benchmark::State& state) {
    measure(state, [] { return crocus::generator<int>([](auto& yield) { walk(&the_tree(), yield); }); });
}
BENCHMARK(crocus_tree)->Name("tree_walk/crocus");

void crocus_delegating_tree(benchmark::State& state) {
    measure(state, [] { return delegating(&the_tree()); });
}
BENCHMARK(crocus_delegating_tree)->Name("tree_walk/crocus_yield_from");

void boost_tree(benchmark::State& state) {
    using coroutine = boost::coroutines2::coroutine<int>;
    measure(state, [] {
        return coroutine::pull_type([](coroutine::push_type& yield) { walk(&the_tree(), yield); });
    });
}
BENCHMARK(boost_tree)->Name("tree_walk/boost_coroutine2");

}  // namespace
