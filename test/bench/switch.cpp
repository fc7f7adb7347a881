// One way between two flows of control.
#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fixedsize_stack.hpp>

#include <benchmark/benchmark.h>

#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace {

constexpr int switches = 1000;  // at once: asking whether to go on costs as much as one

bool over;

void return_balls(crocus::fiber&, void* argument) {
    auto& home = *static_cast<crocus::fiber*>(argument);
    while (!over) home.enter();
    crocus::fiber::exit_to(
        home, [](void*) noexcept {}, nullptr);
}

void crocus_switch(benchmark::State& state) {
    over = false;
    crocus::fiber other(crocus::stack(crocus::stack::default_size()), return_balls, &crocus::fiber::current());
    while (state.KeepRunningBatch(switches))
        for (int i = 0; i != switches; i += 2) other.enter();
    over = true;
    other.enter();
}
BENCHMARK(crocus_switch)->Name("switch/crocus");

void boost_switch(benchmark::State& state) {
    using namespace boost::context::detail;
    boost::context::fixedsize_stack allocator;
    auto stack = allocator.allocate();
    transfer_t other{make_fcontext(stack.sp, stack.size,
                                   [](transfer_t home) {
                                       for (;;) home = jump_fcontext(home.fctx, nullptr);
                                   }),
                     nullptr};
    while (state.KeepRunningBatch(switches))
        for (int i = 0; i != switches; i += 2) other = jump_fcontext(other.fctx, nullptr);
    allocator.deallocate(stack);
}
BENCHMARK(boost_switch)->Name("switch/boost_context");

}  // namespace
