// Watches a running process from outside: the highest number of threads and processes, and the most memory.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "process_status.hpp"

namespace compare {

class process_sampler {
public:
    static constexpr std::chrono::milliseconds period{20};

    /// With descendants, a process is sampled together with all that it has started.
    process_sampler(pid_t pid, bool with_descendants) : pid_(pid), with_descendants_(with_descendants) {}

    /// Takes a sample if the last one is a period ago.
    void sample();

    [[nodiscard]] std::size_t peak_threads() const { return peak_threads_; }
    [[nodiscard]] std::size_t peak_processes() const { return peak_processes_; }
    [[nodiscard]] std::size_t peak_bytes() const { return peak_bytes_; }

    /// How peak_bytes() was found: "VmHWM", "sum of Pss", or "sum of VmRSS".
    [[nodiscard]] std::string method() const;

private:
    using clock = std::chrono::steady_clock;

    void sample_one();
    void sample_tree();

    pid_t pid_;
    bool with_descendants_;
    bool proportional_ = true;
    clock::time_point next_;
    std::size_t peak_threads_ = 0;
    std::size_t peak_processes_ = 0;
    std::size_t peak_bytes_ = 0;
};

}  // namespace compare
