// The whole of it: every chosen model, each workload, one after the other.
#pragma once

#include <cstddef>
#include <vector>

#include "measurement.hpp"
#include "options.hpp"

namespace compare {

struct results {
    std::vector<measurement> all;
    std::size_t cores = 1;
    std::string server;  // whom the files were downloaded from
};

/// Shows its progress on a terminal.
///
/// Throws: failure, interrupted   nothing runs any more
results run_experiment(const options& of);

}  // namespace compare
