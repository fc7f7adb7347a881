// A server that is measured: a process of its own, which dies with this one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

struct cpu_use {
    std::chrono::nanoseconds user{};
    std::chrono::nanoseconds system{};
};

class server_process {
public:
    /// Starts `program` and waits until it listens. `launcher`: words that stand before its name. `core`: the only one
    /// that it may use; any, if there is none.
    ///
    /// Throws: failure   it does not come to that within 10 s
    server_process(const std::string& program, std::optional<int> core, std::vector<std::string> launcher = {});
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    ~server_process();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// What it has used until now.
    [[nodiscard]] cpu_use used();

    /// Bytes of memory that it has now.
    [[nodiscard]] std::size_t resident_bytes() const;

    /// Ends it. To be done before its clients go, so that it does not see them go.
    void end();

private:
    [[nodiscard]] std::optional<std::string> line();
    [[nodiscard]] std::string next_line(const char* what);

    std::string name_;
    pid_t pid_ = -1;
    int output_ = -1;
    std::uint16_t port_ = 0;
    std::string unread_;
};

}  // namespace bench
