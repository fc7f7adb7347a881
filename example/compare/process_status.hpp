// What Linux tells about processes under /proc.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace compare {

struct process_status {
    std::size_t threads = 0;
    std::size_t resident_bytes = 0;       // VmRSS
    std::size_t peak_resident_bytes = 0;  // VmHWM
};

/// /proc/PID/status; empty when that process is gone. "self" is a PID, too.
std::optional<process_status> read_process_status(const std::string& pid);

/// The process's share of memory: what it has alone, and its part of what it shares (Pss of smaps_rollup).
std::optional<std::size_t> read_proportional_bytes(const std::string& pid);

/// The children of root, their children, and so on.
std::vector<pid_t> descendants_of(pid_t root);

/// What the kernel spends on the stack of one thread: all of them (KernelStack of /proc/meminfo) divided by the number
/// of threads there are (/proc/loadavg), rounded to a power of two. Empty when that cannot be read.
std::optional<std::size_t> kernel_stack_bytes_per_thread();

}  // namespace compare
