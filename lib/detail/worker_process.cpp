#include "worker_process.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crocus/error.hpp>

#include "type_name.hpp"
#include "worker_main.hpp"

namespace crocus::detail {

namespace {

constinit std::atomic<const std::string*> program_name{nullptr};  // argv[0]; null: workers are not hosted

[[noreturn]] void fail(int error, const char* what) { throw std::system_error(error, std::system_category(), what); }

class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// What happens to the worker's descriptors and signals between its start and the program.
class spawn_plan {
public:
    explicit spawn_plan(int socket) {
        posix_spawn_file_actions_init(&files_);
        posix_spawnattr_init(&attributes_);
        posix_spawn_file_actions_adddup2(&files_, socket, worker_socket);
        posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addclosefrom_np(&files_, worker_socket + 1);

        sigset_t signals;
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
    ~spawn_plan() {
        posix_spawn_file_actions_destroy(&files_);
        posix_spawnattr_destroy(&attributes_);
    }

    pid_t run(char* const* arguments) const {
        pid_t pid = -1;
        // The program as it was started, even if its file has been replaced since.
        if (const int error = posix_spawn(&pid, "/proc/self/exe", &files_, &attributes_, arguments, environ);
            error != 0)
            fail(error, "start of a worker process");
        return pid;
    }

private:
    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
};

std::string describe_end(const siginfo_t& end) {
    if (end.si_code == CLD_EXITED) return "exited with status " + std::to_string(end.si_status);
    return "was killed by signal " + std::to_string(end.si_status) + " (" + strsignal(end.si_status) + ")";
}

}  // namespace

void host_workers_here(int argc, char** argv) {
    static const auto* const name = new std::string(argc > 0 ? argv[0] : "crocus");  // read until the last thread ends
    program_name = name;
    if (is_worker(argc, argv)) serve_calls(argv);
}

bool workers_are_hosted() noexcept { return program_name != nullptr; }

worker_process::worker_process() : worker_process(start()) {
    if (const auto first = pipe_->receive(); first && first->kind == message_kind::ready) return;
    throw std::runtime_error("the worker process " + end_and_reap() +
                             " before it was ready; is crocus::host_workers(argc, argv) the first line of main?");
}

worker_process::worker_process(const started& process)
    : pid_(process.pid), process_fd_(process.process_fd), pipe_(std::in_place, process.socket, process.process_fd) {}

worker_process::started worker_process::start() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail(errno, "socketpair");
    descriptor ours(ends[0]);
    const descriptor theirs(ends[1]);
    // Above what the plan gives new meanings to, in case the program has closed its standard streams.
    const descriptor moved(fcntl(theirs.get(), F_DUPFD_CLOEXEC, worker_socket + 1));
    if (moved.get() < 0) fail(errno, "fcntl(F_DUPFD_CLOEXEC)");

    std::string program = *program_name.load();
    std::string marker = worker_marker;
    std::string parent = std::to_string(getpid());
    const std::array<char*, 4> arguments{program.data(), marker.data(), parent.data(), nullptr};
    const pid_t pid = spawn_plan(moved.get()).run(arguments.data());
    return {pid, static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), ours.release()};
}

worker_process::~worker_process() {
    if (usable_) pipe_.reset();  // it reads the end of its calls, and exits
    end_and_reap();
    if (process_fd_ >= 0) ::close(process_fd_);
}

std::optional<std::string> worker_process::call(const char* function, std::string_view arguments) {
    bool begun = false;
    auto reply = exchange(function, arguments, begun);
    if (!reply) {
        usable_ = false;
        const std::string end = end_and_reap();
        if (!begun) return std::nullopt;
        throw broken_process_pool("worker process " + std::to_string(pid_) + " " + end + " while it ran " +
                                  function_name(function));
    }
    switch (reply->kind) {
        case message_kind::result:
            return std::move(reply->body);
        case message_kind::error:
            throw remote_error(std::move(reply->name), reply->body);
        default:
            throw usage_error("worker processes do not know the function " + function_name(function) +
                              ": the library that has it must be loaded when the program starts");
    }
}

/// The answer; nothing if the process is gone.
std::optional<message> worker_process::exchange(const char* function, std::string_view arguments, bool& begun) {
    try {
        if (!pipe_->send(message_kind::call, function, arguments)) return std::nullopt;
        auto reply = pipe_->receive();
        if (!reply || reply->kind != message_kind::begun) return std::nullopt;
        begun = true;
        return pipe_->receive();
    } catch (...) {
        usable_ = false;  // half a message may be on its way
        std::throw_with_nested(broken_process_pool("lost touch with worker process " + std::to_string(pid_) + ": " +
                                                   describe(std::current_exception())));
    }
}

bool worker_process::alive() const noexcept {
    if (!usable_ || process_fd_ < 0) return usable_;
    pollfd ended{process_fd_, POLLIN, 0};
    return ::poll(&ended, 1, 0) == 0;
}

void worker_process::signal(int number) noexcept {
    const std::scoped_lock lock(mutex_);
    if (!reaped_) ::kill(pid_, number);
}

/// Says how it ended.
std::string worker_process::end_and_reap() {
    if (reaped_) return "ended";
    // It closed its socket, so it is about to end: its status is settled, and this changes it no more. Or it is out of
    // step, and good for nothing.
    if (pipe_) signal(SIGKILL);
    siginfo_t end{};
    int result = 0;
    do {
        result = waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT);
    } while (result != 0 && errno == EINTR);
    const std::scoped_lock lock(mutex_);
    reaped_ = true;
    if (result != 0) return "ended, and something else in the program took its exit status";
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    return describe_end(end);
}

}  // namespace crocus::detail
