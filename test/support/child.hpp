// A part of a test in a process of its own: for what ends a process, or changes all of it.
#pragma once

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace crocus::test {

/// How a child ended, and all that it wrote to stdout and stderr.
struct child_end {
    int status;
    std::string output;

    [[nodiscard]] bool exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
    [[nodiscard]] bool killed_by(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};

/// What a child does about SIGSEGV, SIGABRT and SIGALRM: nothing, on no stack of their own; or what its parent does.
enum class handlers { none, inherited };

/// Runs f in a copy of this process, and lets it exit with 0 when f returns. No other thread may be running.
template <class F>
child_end in_child(F f, handlers of_signals = handlers::none) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    std::fflush(nullptr);  // or the child would write it again
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child == 0) {
        constexpr rlimit none{0, 0};
        ::setrlimit(RLIMIT_CORE, &none);
        if (of_signals == handlers::none) {  // a sanitizer would report instead, and Boost.Test made a small stack
            stack_t no_stack{};
            no_stack.ss_flags = SS_DISABLE;
            ::sigaltstack(&no_stack, nullptr);
            ::signal(SIGSEGV, SIG_DFL);
            ::signal(SIGABRT, SIG_DFL);
            ::signal(SIGALRM, SIG_DFL);
        }
        ::alarm(60);
        ::dup2(ends[1], STDOUT_FILENO);
        ::dup2(ends[1], STDERR_FILENO);
        f();
        std::fflush(nullptr);
        ::_exit(0);
    }
    ::close(ends[1]);
    child_end end{};
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        end.output.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    ::waitpid(child, &end.status, 0);
    return end;
}

}  // namespace crocus::test
