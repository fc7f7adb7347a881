#include "child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "channel.hpp"
#include "failure.hpp"
#include "interrupt.hpp"

namespace compare {

child_process::child_process(const std::vector<std::string>& arguments) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw failure(std::string("cannot make a socket pair: ") + std::strerror(errno));
    channel_ = ends[0];

    std::string program = "compare";
    std::vector<char*> argv{program.data()};
    std::vector<std::string> copies = arguments;
    for (std::string& argument : copies) argv.push_back(argument.data());
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], channel::descriptor);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int error = posix_spawn(&pid_, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (error != 0) {
        ::close(channel_);
        throw failure(std::string("cannot start a process: ") + std::strerror(error) +
                      ": raise ulimit -u, or end others");
    }
}

child_process::~child_process() {
    if (!waited_) {
        kill(-pid_, SIGKILL);
        wait();
    }
    ::close(channel_);
}

std::optional<std::string> child_process::next_line(std::chrono::milliseconds patience) {
    if (lines_.empty() && !ended_) {
        pollfd readable{channel_, POLLIN, 0};
        if (poll(&readable, 1, static_cast<int>(patience.count())) > 0) receive();
    }
    throw_if_interrupted();
    if (lines_.empty()) return std::nullopt;
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
}

void child_process::receive() {
    char buffer[4096];
    const ssize_t count = ::recv(channel_, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) {
        ended_ = true;
        return;
    }
    partial_.append(buffer, static_cast<std::size_t>(count));
    for (std::size_t end; (end = partial_.find('\n')) != std::string::npos; partial_.erase(0, end + 1))
        lines_.push_back(partial_.substr(0, end));
}

child_process::exit child_process::wait() {
    exit result;
    while (wait4(pid_, &result.status, 0, &result.usage) < 0 && errno == EINTR) {
    }
    waited_ = true;
    if (result.status != 0) kill(-pid_, SIGKILL);  // whatever it has started and left behind
    return result;
}

std::string describe_exit(int status) {
    if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    return "killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
}

}  // namespace compare
