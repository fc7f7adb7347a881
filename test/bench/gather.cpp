// 1,000 functions that each yield once, all of them awaited.
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/wait.hpp>

namespace {

void crocus_gather(benchmark::State& state) {
    crocus::run([&state] {
        const std::vector functions(static_cast<std::size_t>(state.range(0)), [] { crocus::yield_now(); });
        while (state.KeepRunningBatch(state.range(0))) crocus::gather(functions);
    });
}
BENCHMARK(crocus_gather)->Name("gather/crocus")->Arg(2)->Arg(1000);

void crocus_gather_arguments(benchmark::State& state) {
    crocus::run([&state] {
        const auto function = [] { crocus::yield_now(); };
        while (state.KeepRunningBatch(2)) crocus::gather(function, function);
    });
}
BENCHMARK(crocus_gather_arguments)->Name("gather_arguments/crocus/2");

void boost_gather(benchmark::State& state) {
    boost::fibers::pooled_fixedsize_stack pool;
    std::vector<boost::fibers::fiber> fibers;
    while (state.KeepRunningBatch(state.range(0))) {
        for (auto i = state.range(0); i > 0; --i)
            fibers.emplace_back(boost::fibers::launch::post, std::allocator_arg, pool,
                                [] { boost::this_fiber::yield(); });
        for (auto& fiber : fibers) fiber.join();
        fibers.clear();
    }
}
BENCHMARK(boost_gather)->Name("gather/boost_fiber")->Arg(2)->Arg(1000);

boost::asio::awaitable<void> yield_once(boost::asio::io_context& context) {
    co_await boost::asio::post(context, boost::asio::use_awaitable);
}

void asio_gather(benchmark::State& state) {
    boost::asio::io_context context(1);
    while (state.KeepRunningBatch(state.range(0))) {
        auto left = state.range(0);
        for (auto i = left; i > 0; --i)
            boost::asio::co_spawn(context, yield_once(context), [&left](const std::exception_ptr&) { --left; });
        while (left != 0) context.run_one();
        context.restart();
    }
}
BENCHMARK(asio_gather)->Name("gather/asio")->Arg(2)->Arg(1000);

}  // namespace
