#include "cpu_work.hpp"

#include <algorithm>
#include <cmath>

namespace compare {
namespace {

using boost::multiprecision::cpp_int;

constexpr std::uint64_t prime = (std::uint64_t{1} << 61) - 1;

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::uint64_t>(cpp_int(cpp_int(a) * b % prime));
}

std::uint64_t power(std::uint64_t base, unsigned exponent) {
    std::uint64_t result = 1;
    for (; exponent > 0; exponent /= 2, base = times(base, base))
        if (exponent % 2 == 1) result = times(result, base);
    return result;
}

// Multiplications, times the length to which the product grows.
double cost(unsigned num) { return std::pow(num - 1, 3) * static_cast<double>(expected_fingerprint(num).bits); }

}  // namespace

cpp_int cpu_bound_func(unsigned num) {
    cpp_int total = 1;
    for (std::uint64_t i = 1; i < num; ++i)
        for (std::uint64_t j = 1; j < num; ++j)
            for (std::uint64_t k = 1; k < num; ++k) total *= i * j * k;
    return total;
}

fingerprint fingerprint_of(const cpp_int& number) {
    return {msb(number) + 1, static_cast<std::uint64_t>(cpp_int(number % prime))};
}

fingerprint expected_fingerprint(unsigned num) {
    const unsigned exponent = 3 * (num - 1) * (num - 1);
    std::uint64_t factorial = 1;
    long double bits_of_factorial = 0;
    for (unsigned i = 2; i < num; ++i) {
        factorial = times(factorial, i);
        bits_of_factorial += std::log2(static_cast<long double>(i));
    }
    return {static_cast<std::uint64_t>(exponent * bits_of_factorial) + 1, power(factorial, exponent)};
}

double most_cpu_speedup(std::span<const unsigned> nums) {
    double sum = 0;
    double longest = 0;
    for (const unsigned num : nums) {
        sum += cost(num);
        longest = std::max(longest, cost(num));
    }
    return sum / longest;
}

}  // namespace compare
