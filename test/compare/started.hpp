// This program, started again as compare.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

struct finished {
    int status = 0;
    std::string standard_output;
    std::string standard_error;

    [[nodiscard]] int exit_status() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }
};

class started {
public:
    static constexpr const char* as_program = "--as-program";

    explicit started(std::vector<std::string> arguments) {
        std::array<std::array<int, 2>, 2> pipes{};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        for (std::size_t i = 0; i < pipes.size(); ++i) {
            BOOST_REQUIRE(pipe2(pipes[i].data(), O_CLOEXEC) == 0);
            posix_spawn_file_actions_adddup2(&actions, pipes[i][1], i == 0 ? STDOUT_FILENO : STDERR_FILENO);
        }
        arguments.insert(arguments.begin(), {"compare", as_program});
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        BOOST_REQUIRE(posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), environ) == 0);
        posix_spawn_file_actions_destroy(&actions);
        for (std::size_t i = 0; i < pipes.size(); ++i) {
            ends_[i] = pipes[i][0];
            close(pipes[i][1]);
        }
    }
    started(const started&) = delete;
    started& operator=(const started&) = delete;
    ~started() {
        for (const int end : ends_) close(end);
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

    void signal(int number) const { kill(pid_, number); }

    finished finish() {
        finished result;
        const std::array<std::string*, 2> texts{&result.standard_output, &result.standard_error};
        std::array<pollfd, 2> open{{{ends_[0], POLLIN, 0}, {ends_[1], POLLIN, 0}}};
        while (open[0].fd >= 0 || open[1].fd >= 0) {
            poll(open.data(), open.size(), -1);
            for (std::size_t i = 0; i < open.size(); ++i) {
                if (open[i].revents == 0) continue;
                char buffer[4096];
                const ssize_t count = read(open[i].fd, buffer, sizeof buffer);
                if (count > 0) texts[i]->append(buffer, static_cast<std::size_t>(count));
                if (count == 0) open[i].fd = -1;
            }
        }
        waitpid(pid_, &result.status, 0);
        return result;
    }

private:
    pid_t pid_ = -1;
    std::array<int, 2> ends_{};
};
