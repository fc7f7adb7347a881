// How many system calls a server makes for each message.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace bench {

/// Prints them, as strace counts them. The load stays the same, but a server that is traced is many times slower: fewer
/// connections are ready at once, and a call that serves several of them at a time counts for more. Where the kernel's
/// tracepoints may be used, `perf stat -e 'syscalls:sys_enter_epoll*' -p PID` counts without that.
///
/// Throws: failure   there is no strace, or it may not trace
void count_syscalls(const std::vector<std::string>& servers, const std::vector<std::size_t>& connections,
                    std::chrono::duration<double> time);

}  // namespace bench
