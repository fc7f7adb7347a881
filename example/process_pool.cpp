// Work for the processor, in processes of its own: what it throws comes back, and its crash stays there.
#include <crocus/process_pool.hpp>
#include <crocus/run.hpp>
#include <crocus/wait.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/serialization/string.hpp>

namespace {

struct statistics {
    std::string range;
    long primes = 0;
    long largest = 0;

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& range& primes& largest;
    }
};

bool is_prime(long n) {
    for (long d = 2; d * d <= n; ++d)
        if (n % d == 0) return false;
    return n > 1;
}

statistics count_primes(long from) {
    const long to = from + 10'000;
    if (from < 0) throw std::invalid_argument("there are no negative primes");
    statistics found{std::to_string(from) + " to " + std::to_string(to), 0, 0};
    for (long n = from; n < to; ++n) {
        if (!is_prime(n)) continue;
        ++found.primes;
        found.largest = n;
    }
    return found;
}

void crash() { std::abort(); }

}  // namespace

int main(int argc, char** argv) {
    // The workers are this program again: run lets them in before it does anything else.
    return crocus::run(argc, argv, [] {
        crocus::process_pool_executor pool({.max_workers = 2});

        for (const auto& found : pool.map<&count_primes>(std::vector<long>{0, 10'000, 20'000}))
            std::cout << found.range << ": " << found.primes << " primes, the largest is " << found.largest << '\n';

        try {
            pool.submit<&count_primes>(-1).get();
        } catch (const crocus::remote_error& e) {
            std::cout << e.type_name() << ": " << e.what() << '\n';
        }

        try {
            pool.submit<&crash>().get();
        } catch (const crocus::broken_process_pool&) {
            std::cout << "a worker crashed; the pool goes on\n";
        }

        // A task that waits for a process suspends alone.
        const auto [low, high] = crocus::gather([&] { return pool.submit<&count_primes>(0).get().primes; },
                                                [&] { return pool.submit<&count_primes>(1'000'000).get().primes; });
        std::cout << low << " below ten thousand, " << high << " above a million\n";
    });
}
