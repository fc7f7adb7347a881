// A million tasks that sleep at once, on real time: each wakes, none early, in the order of their times, within 8 GiB.
#include <chrono>
#include <cstddef>
#include <vector>

#include <sys/resource.h>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t count = 1'000'000;

/// They wake one microsecond after the other, in an order that is not the one in which they were made.
constexpr std::size_t turn_of(std::size_t number) { return number * 514'229 % count; }

const char* sleep_all() {
    auto& loop = crocus::event_loop::current();
    const auto first = loop.now() + 20s;  // all sleep by then
    std::size_t asleep = 0;
    std::size_t most_asleep = 0;
    std::size_t woken = 0;
    bool early = false;
    bool out_of_turn = false;
    std::vector<crocus::task<void>> tasks;
    tasks.reserve(count);
    for (std::size_t i = 0; i != count; ++i)
        tasks.push_back(crocus::create_task([&, turn = turn_of(i)] {
            most_asleep = ++asleep;
            const auto when = first + turn * 1us;
            crocus::sleep_until(when);
            --asleep;
            early = early || loop.now() < when;
            out_of_turn = out_of_turn || woken++ != turn;
        }));
    for (auto& task : tasks) task.get();
    if (most_asleep != count) return "they did not all sleep at once";
    if (early) return "one woke early";
    if (out_of_turn) return "one woke out of its turn";
    return woken == count ? nullptr : "not all woke";
}

void million_sleepers(benchmark::State& state) {
    for (auto _ : state)
        if (const char* const fault = crocus::run(sleep_all); fault != nullptr) return state.SkipWithError(fault);
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    const double bytes = static_cast<double>(use.ru_maxrss) * 1024;
    if (bytes > 8.0 * (1U << 30U)) return state.SkipWithError("they took more than 8 GiB");
    state.counters["bytes_per_task"] = bytes / count;
}
BENCHMARK(million_sleepers)->Name("million_sleepers/crocus")->Iterations(1)->Repetitions(1);

}  // namespace
