// What a suspended task with a guarded stack keeps in memory, parked under three frames of its own.
//
// bytes_per_task is the growth of the resident set, in a process of its own each time, over the tasks that were made:
// fewer than asked for where the kernel's limit on mappings comes first (65,530; a stack guarded by
// mprotect takes two).
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <new>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <boost/fiber/all.hpp>

#include <benchmark/benchmark.h>

#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

double resident_bytes() {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    long size = 0;
    long resident = 0;
    const int fields = std::fscanf(file, "%ld %ld", &size, &resident);
    std::fclose(file);
    return fields == 2 ? static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) : 0;
}

template <class Park>
[[gnu::noinline]] void descend(int frames, Park& park) {
    char local[64] = {};
    if (frames == 1)
        park();
    else
        descend(frames - 1, park);
    benchmark::DoNotOptimize(local);  // after the call: a frame, not a jump
}

struct measured {
    double bytes = 0;
    double tasks = 0;
};

template <class Make>
[[noreturn]] void in_child(std::size_t count, Make& make, int answer_to) noexcept {
    const double before = resident_bytes();
    make(count, [&](std::size_t tasks) {
        const measured m{resident_bytes() - before, static_cast<double>(tasks)};
        ::_exit(::write(answer_to, &m, sizeof m) == sizeof m ? 0 : 1);
    });
    ::_exit(1);
}

/// `make(count, then)` suspends up to `count` tasks and calls `then(how many)`.
template <class Make>
void measure(benchmark::State& state, Make make) {
    for (auto _ : state) {
        int ends[2];
        if (::pipe(ends) != 0) return state.SkipWithError("pipe");
        const pid_t child = ::fork();
        if (child < 0) return state.SkipWithError("fork");
        if (child == 0) in_child(static_cast<std::size_t>(state.range(0)), make, ends[1]);
        ::close(ends[1]);
        measured m;
        const bool has_answer = ::read(ends[0], &m, sizeof m) == sizeof m;
        ::close(ends[0]);
        ::waitpid(child, nullptr, 0);
        if (!has_answer || m.tasks == 0) return state.SkipWithError("the measuring process died");
        state.counters["bytes_per_task"] = m.bytes / m.tasks;
        state.counters["tasks"] = m.tasks;
    }
}

void crocus_memory(benchmark::State& state) {
    measure(state, [](std::size_t count, const auto& then) {
        crocus::run([&] {
            crocus::wait_queue parked;
            std::vector<crocus::task<void>> tasks;
            tasks.reserve(count);
            std::size_t suspended = 0;
            const auto park = [&] {
                ++suspended;
                parked.wait();
            };
            while (tasks.size() < count) tasks.push_back(crocus::create_task([&park] { descend(3, park); }));
            crocus::yield_now();
            then(suspended);
        });
    });
}
BENCHMARK(crocus_memory)->Name("suspended_memory/crocus")->Arg(100000)->Arg(1000000)->Iterations(1);

void boost_memory(benchmark::State& state) {
    measure(state, [](std::size_t count, const auto& then) {
        boost::fibers::mutex mutex;
        boost::fibers::condition_variable never;
        std::size_t suspended = 0;
        const auto park = [&] {
            std::unique_lock lock(mutex);
            ++suspended;
            never.wait(lock);
        };
        std::vector<boost::fibers::fiber> fibers;
        fibers.reserve(count);
        try {
            boost::fibers::protected_fixedsize_stack guarded;
            while (fibers.size() < count)
                fibers.emplace_back(std::allocator_arg, guarded, [&park] { descend(3, park); });
        } catch (const std::bad_alloc&) {
            // the limit on mappings
        }
        while (suspended < fibers.size()) boost::this_fiber::yield();
        then(suspended);
    });
}
BENCHMARK(boost_memory)->Name("suspended_memory/boost_fiber")->Arg(100000)->Arg(1000000)->Iterations(1);

}  // namespace
