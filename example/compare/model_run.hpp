// Runs one work order in a child process and measures it.
#pragma once

#include <cstddef>
#include <functional>

#include "measurement.hpp"

namespace compare {

/// Told how many items are done.
using on_progress = std::function<void(std::size_t done)>;

/// Never throws for what goes wrong in the child; that is in measurement::failed.
///
/// Throws: interrupted
measurement run_model(const work_order& order, const on_progress& progress);

}  // namespace compare
