// A worker process, seen from the pool; and what runs inside it.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "worker_pipe.hpp"

namespace crocus::detail {

/// Notes the arguments of main for starting workers with, and whether this process is one: then serves and exits.
void host_workers_here(int argc, char** argv);
[[nodiscard]] bool workers_are_hosted() noexcept;

/// A process of this program that runs calls, one at a time.
///
/// Thread: the one it was made on, which it must not outlive; signal(): any.
class worker_process {
public:
    /// Starts it and waits until it is ready.
    ///
    /// Throws: std::system_error    the system starts no process
    ///         std::runtime_error   it ended before it was ready
    worker_process();
    worker_process(const worker_process&) = delete;
    worker_process& operator=(const worker_process&) = delete;

    /// Lets it end, and waits for that.
    ~worker_process();

    /// Runs a registered function there. Nothing if the process died before it began: somebody else may try.
    ///
    /// Throws: remote_error          what the function threw
    ///         broken_process_pool   the process died
    std::optional<std::string> call(const char* function, std::string_view arguments);

    /// False once it has died or its pipe is out of step. It may die right after.
    [[nodiscard]] bool alive() const noexcept;

    void signal(int number) noexcept;

private:
    struct started {
        pid_t pid;
        int process_fd;  // -1 where the kernel has none
        int socket;
    };
    static started start();
    explicit worker_process(const started& process);

    std::optional<message> exchange(const char* function, std::string_view arguments, bool& begun);
    std::string end_and_reap();

    const pid_t pid_;
    const int process_fd_;
    bool usable_ = true;
    std::optional<worker_pipe> pipe_;
    std::mutex mutex_;  // guards reaped_: no signal to a number that may be another process's by now
    bool reaped_ = false;
};

}  // namespace crocus::detail
