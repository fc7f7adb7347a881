// This program once more, in another role: the server, or one execution model.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace compare {

class child_process {
public:
    /// Starts /proc/self/exe with these arguments, in a process group of its own, with a channel to it.
    ///
    /// Throws: failure   the system refuses
    explicit child_process(const std::vector<std::string>& arguments);
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    /// Kills it, with whatever it has started, unless it has been waited for.
    ~child_process();

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// The next line that the child sent; empty if none came in that time, or if it will send none any more.
    ///
    /// Throws: interrupted   a signal asked this program to end
    std::optional<std::string> next_line(std::chrono::milliseconds patience);

    /// The child has closed its end, and all lines have been taken.
    [[nodiscard]] bool ended() const { return ended_ && lines_.empty(); }

    struct exit {
        int status = 0;  // as of wait()
        rusage usage{};  // with its descendants, as far as they were waited for
    };

    /// Waits for the end of the child.
    exit wait();

private:
    void receive();

    int channel_ = -1;
    pid_t pid_ = -1;
    bool waited_ = false;
    bool ended_ = false;
    std::string partial_;
    std::deque<std::string> lines_;
};

/// "exit status 1", "killed by signal 9 (Killed)"
std::string describe_exit(int status);

}  // namespace compare
