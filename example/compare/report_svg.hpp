// compare.svg: for each workload, wall time, memory and threads of every model, as bars side by side.
#pragma once

#include <string>

#include "measurement.hpp"

namespace compare {

struct captions {
    std::string downloads;  // what was downloaded, how
    std::string cpu;
};

std::string svg_report(const comparison& downloads, const comparison& cpu, const captions& words);

}  // namespace compare
