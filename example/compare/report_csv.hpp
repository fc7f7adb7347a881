// compare.csv: RFC 4180, a header line, then a line per workload and model. README.md explains the columns.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "measurement.hpp"

namespace compare {

std::string csv_report(std::span<const measurement> all);

/// In quotes where RFC 4180 wants them.
std::string csv_field(std::string_view text);

}  // namespace compare
