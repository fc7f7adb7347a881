// All that can be known to go wrong is found out before anything runs.
#pragma once

#include "flag_set.hpp"
#include "options.hpp"
#include "work_order.hpp"

namespace compare {

/// The most processes that a pool is given, whatever --concurrency says.
constexpr std::size_t most_processes = 256;

/// Raises the limit of open files as far as the system lets it, for this process and its children.
///
/// Throws: failure   so many connections at a time need more
void require_descriptors(std::size_t concurrency);

/// What to download, from a user's server: asks it for a few files, sees whether they are the same as ours, and how
/// long it takes.
///
/// Throws: failure   it cannot be reached, or has no such files
work_order order_for_base_url(const options& of, const flag_set& flags);

}  // namespace compare
