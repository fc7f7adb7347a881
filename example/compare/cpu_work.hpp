// The CPU-bound job: the triple loop with which Python's GIL is shown,
//
//     def cpu_bound_func(num):
//         numbers = range(1, num)
//         total = 1
//         for i in numbers:
//             for j in numbers:
//                 for k in numbers:
//                     total *= i * j * k
//         return total
//
// with whole numbers as long as Python's, so that the result is the same number (of a million digits for num = 63).
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <span>

namespace compare {

boost::multiprecision::cpp_int cpu_bound_func(unsigned num);

/// How many times faster than one after the other these jobs can be, on however many cores: the longest one bounds it.
double most_cpu_speedup(std::span<const unsigned> nums);

/// What identifies a result, short enough to travel between processes.
struct fingerprint {
    std::uint64_t bits = 0;     // its length
    std::uint64_t residue = 0;  // modulo the Mersenne prime 2^61 - 1

    friend bool operator==(const fingerprint&, const fingerprint&) = default;
};

fingerprint fingerprint_of(const boost::multiprecision::cpp_int& number);

/// What cpu_bound_func(num) must have, by its closed form, ((num-1)!) to the power of 3 (num-1)^2, in a few operations.
fingerprint expected_fingerprint(unsigned num);

}  // namespace compare
