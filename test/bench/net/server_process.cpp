#include "server_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cores.hpp"
#include "failure.hpp"

namespace bench {

namespace {

constexpr int patience_ms = 10'000;

/// The child's part, between fork and exec.
[[noreturn]] void become(std::vector<std::string> words, std::optional<int> core, int output, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it has died before it could be tied to us
    if (core) pin_to(*core);
    ::dup2(output, STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp(argv.front(), argv.data());
    std::perror(argv.front());
    ::_exit(127);
}

}  // namespace

server_process::server_process(const std::string& program, std::optional<int> core, std::vector<std::string> launcher)
    : name_(std::filesystem::path(program).filename()) {
    launcher.push_back(program);
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe");
    const pid_t self = ::getpid();
    pid_ = checked(::fork(), "fork");
    if (pid_ == 0) become(std::move(launcher), core, ends[1], self);
    ::close(ends[1]);
    output_ = ends[0];
    try {
        port_ = static_cast<std::uint16_t>(std::stoul(next_line("its port")));
    } catch (...) {
        end();
        throw;
    }
}

server_process::~server_process() { end(); }

void server_process::end() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    try {
        while (line()) {
        }
    } catch (const failure&) {  // it does not end
        ::kill(pid_, SIGKILL);
    }
    ::close(output_);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

/// Nothing if there will be none any more.
std::optional<std::string> server_process::line() {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            std::string result = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return result;
        }
        pollfd readable{output_, POLLIN, 0};
        if (::poll(&readable, 1, patience_ms) <= 0) throw failure(name_ + " says nothing for 10 s");
        char buffer[256];
        const ssize_t n = ::read(output_, buffer, sizeof buffer);
        if (n <= 0) return std::nullopt;
        unread_.append(buffer, static_cast<std::size_t>(n));
    }
}

std::string server_process::next_line(const char* what) {
    if (auto next = line()) return *next;
    throw failure(name_ + " ended before it told " + what);
}

cpu_use server_process::used() {
    ::kill(pid_, SIGUSR1);
    std::istringstream in(next_line("what it has used"));
    std::int64_t user = 0;
    std::int64_t system = 0;
    if (!(in >> user >> system)) throw failure(name_ + " did not tell what it has used");
    return {std::chrono::nanoseconds(user), std::chrono::nanoseconds(system)};
}

std::size_t server_process::resident_bytes() const {
    std::ifstream in("/proc/" + std::to_string(pid_) + "/smaps_rollup");
    for (std::string word; in >> word;)
        if (std::size_t kib = 0; word == "Rss:" && in >> kib) return kib * 1024;
    throw failure("the memory of " + name_ + " cannot be read");
}

}  // namespace bench
