// One way between two flows of control.
#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fixedsize_stack.hpp>

#include <benchmark/benchmark.h>

#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace {

constexpr int switches = 1000;  // at once: asking whether to go on costs as much as one

void return_balls(crocus::fiber&, void* argument) {
    auto& home = *static_cast<crocus::fiber*>(argument);
    for (;;) home.enter();
}

void crocus_switch(benchmark::State& state) {
    using crocus::stack, crocus::fiber;
    auto& other = *new fiber(stack(stack::default_size()), return_balls, &fiber::current());  // left for ever
    while (state.KeepRunningBatch(switches))
        for (int i = 0; i != switches; i += 2) other.enter();
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
