// Counts what a model has done and tells the parent process: now and then how far it is, at the end the sum.
#pragma once

#include <chrono>
#include <mutex>

#include "channel.hpp"
#include "outcome.hpp"

namespace compare {

class collector {
public:
    explicit collector(channel& to) : to_(to) {}

    /// The clock runs from here to finish().
    void start();

    /// Thread: any.
    void add(const outcome& one);

    void finish();

private:
    using clock = std::chrono::steady_clock;

    channel& to_;
    std::mutex mutex_;
    tally tally_;
    clock::time_point started_;
    clock::time_point told_;
};

}  // namespace compare
