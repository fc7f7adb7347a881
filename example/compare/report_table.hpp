// The tables on standard output.
#pragma once

#include <string>

#include "measurement.hpp"

namespace compare {

/// Time, memory, threads and switches: a row per model.
std::string cost_table(const comparison& work, bool terminal);

/// What came back, per status: a row per model.
std::string answer_table(const comparison& downloads, bool terminal);

}  // namespace compare
