// What the figures show, in a sentence per model. Every claim is worked out from this run's figures.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "measurement.hpp"

namespace compare {

/// A sentence per model that has figures, and then: are green threads as fast as they must be, on what memory.
std::vector<std::string> download_findings(const comparison& downloads);

std::vector<std::string> cpu_findings(const comparison& cpu, std::size_t cores);

}  // namespace compare
