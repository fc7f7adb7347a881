// A download over a plain blocking POSIX socket: what a program does that waits with threads, processes, or not at
// all side by side.
#pragma once

#include "download.hpp"

namespace compare {

/// Never throws for what the network does; that is in the outcome.
outcome download_blocking(const work_order& order, const flag_set& flags, std::size_t item);

}  // namespace compare
