// A file of figures in the form of Google Benchmark's JSON, to which several programs contribute.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct figure {
    std::string name;
    std::size_t repetitions = 1;
    std::uint64_t iterations = 1;
    double real_time = 0;  // nanoseconds for each iteration, as Google Benchmark has it
    double cpu_time = 0;
    std::string counter;
    double counted = 0;
};

/// Writes the figures to a file. Of those that it has, the ones whose name begins with `subject` go; the others stay.
///
/// Throws: failure
void write_figures(const std::string& file, const std::string& subject, const std::vector<figure>& figures);

/// The one in the middle.
double median(std::vector<double> values);

}  // namespace bench
