// Waiting is shared by green threads: a hundred of them wait as long as one. Computing is not: for that there are
// threads and processes, each of which has a processor.
#include <chrono>
#include <ctime>
#include <functional>
#include <iostream>
#include <vector>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

long fib(long n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

/// Seconds on the clock, and seconds of a processor's work.
struct spent {
    double time, work;
};

spent spent_on(const std::function<void()>& f) {
    const auto start = crocus::clock::now();
    const std::clock_t work = std::clock();
    f();
    return {std::chrono::duration<double>(crocus::clock::now() - start).count(),
            static_cast<double>(std::clock() - work) / CLOCKS_PER_SEC};
}

const char* compared(double many, double one, int count) {
    return many < one * count / 2 ? "much less than one after the other" : "as long as one after the other";
}

}  // namespace

int main() {
    crocus::run([] {
        constexpr int waits = 100;
        const auto wait = [] { crocus::sleep(20ms); };
        const double waiting = spent_on([&] { crocus::gather(std::vector(waits, wait)); }).time;
        std::cout << "100 green threads that wait: " << compared(waiting, 0.02, waits) << '\n';

        constexpr int sums = 4;
        const auto compute = [] { return fib(30); };
        const double one = spent_on([&] { compute(); }).work;
        const double green = spent_on([&] { crocus::gather(std::vector(sums, compute)); }).work;
        std::cout << "4 green threads that compute: " << compared(green, one, sums) << '\n';

        // On a machine with several processors this takes a part of the time.
        crocus::thread_pool_executor pool({.max_workers = sums});
        long total = 0;
        for (const long n : pool.map(fib, std::vector(sums, 30L))) total += n;
        std::cout << "4 threads that compute come to the same: " << (total == sums * compute() ? "yes" : "no") << '\n';
    });
}
