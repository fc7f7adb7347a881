// The work of one child process, ready to be done: an execution model calls perform() for every item, and differs
// from the others only in who calls it when.
#pragma once

#include <cstddef>
#include <vector>

#include "flag_set.hpp"
#include "outcome.hpp"
#include "work_order.hpp"

namespace compare {

struct work {
    explicit work(work_order from) : order(std::move(from)), items(order.items()) {}

    /// Does one item and blocks the calling thread meanwhile: a download, or a CPU-bound job. Thread: any.
    [[nodiscard]] outcome perform(std::size_t item) const;

    /// Does a CPU-bound job. It waits for nothing, so it is the same on every model.
    [[nodiscard]] outcome compute(std::size_t item) const;

    work_order order;
    flag_set flags;
    std::vector<std::size_t> items;
};

}  // namespace compare
