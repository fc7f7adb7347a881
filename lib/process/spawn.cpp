#include "spawn.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crocus/error.hpp>

namespace crocus {

namespace {

constexpr int first_free = STDERR_FILENO + 1;

class owned {
public:
    owned() noexcept = default;
    explicit owned(int fd) noexcept : fd_(fd) {}
    owned(owned&& other) noexcept : fd_(other.release()) {}
    owned& operator=(owned&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~owned() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

int checked(int result, const std::string& doing) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), doing);
    return result;
}

/// Beyond the numbers that get a new meaning in the child.
owned beyond_streams(int fd) { return owned(checked(::fcntl(fd, F_DUPFD_CLOEXEC, first_free), "a child's stream")); }

/// The child's streams, and our ends of its pipes.
struct streams {
    std::array<owned, 3> theirs;  // none: inherited, or as the output
    std::array<owned, 3> ours;

    void open(int number, const child_stream& as) {
        switch (as.kind()) {
            case child_stream::what::inherited:
                break;
            case child_stream::what::as_output:
                if (number != STDERR_FILENO) throw usage_error("the standard error alone can go where the output goes");
                break;
            case child_stream::what::given:
                theirs[number] = beyond_streams(as.fd());
                break;
            case child_stream::what::null: {
                const owned null(checked(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null"));
                theirs[number] = beyond_streams(null.get());
                break;
            }
            case child_stream::what::pipe: {
                std::array<int, 2> ends{};
                checked(::pipe2(ends.data(), O_CLOEXEC), "a child's pipe");
                owned reading(ends[0]);
                owned writing(ends[1]);
                const bool is_input = number == STDIN_FILENO;
                theirs[number] = beyond_streams((is_input ? reading : writing).get());
                ours[number] = std::move(is_input ? writing : reading);
                break;
            }
        }
    }
};

/// What is done between the child's start and the program's.
class plan {
public:
    plan(const streams& s, const subprocess_options& options) {
        posix_spawn_file_actions_init(&files_);
        posix_spawnattr_init(&attributes_);
        for (int n = 0; n < first_free; ++n)
            if (s.theirs[n].get() >= 0) posix_spawn_file_actions_adddup2(&files_, s.theirs[n].get(), n);
        if (options.err.kind() == child_stream::what::as_output)
            posix_spawn_file_actions_adddup2(&files_, STDOUT_FILENO, STDERR_FILENO);
        posix_spawn_file_actions_addclosefrom_np(&files_, first_free);
        if (!options.directory.empty()) posix_spawn_file_actions_addchdir_np(&files_, options.directory.c_str());
        sigset_t signals;
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        sigaddset(&signals, SIGPIPE);
        sigaddset(&signals, SIGXFSZ);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        const int session = options.new_session ? POSIX_SPAWN_SETSID : 0;
        posix_spawnattr_setflags(&attributes_,
                                 static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session));
    }
    plan(const plan&) = delete;
    plan& operator=(const plan&) = delete;
    ~plan() {
        posix_spawn_file_actions_destroy(&files_);
        posix_spawnattr_destroy(&attributes_);
    }

    [[nodiscard]] pid_t run(const std::vector<std::string>& command, char* const* environment) const {
        std::vector<char*> arguments;
        for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
        arguments.push_back(nullptr);
        pid_t pid = -1;
        const int error = ::posix_spawnp(&pid, arguments[0], &files_, &attributes_, arguments.data(), environment);
        if (error != 0) throw std::system_error(error, std::generic_category(), "start of '" + command[0] + "'");
        return pid;
    }

private:
    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
};

void require_sensible(const std::vector<std::string>& command) {
    if (command.empty() || command[0].empty()) throw usage_error("a child process was started without a program");
    for (const std::string& a : command)
        if (a.find('\0') != std::string::npos)
            throw usage_error("an argument of '" + command[0] + "' has a '\\0' in it, where it would end");
}

/// A child that nobody could be told of does not stay.
[[noreturn]] void give_up(pid_t pid) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw std::system_error(error, std::generic_category(), "pidfd_open");
}

}  // namespace

spawned spawn(const std::vector<std::string>& command, const subprocess_options& options) {
    require_sensible(command);
    streams s;
    s.open(STDIN_FILENO, options.in);
    s.open(STDOUT_FILENO, options.out);
    s.open(STDERR_FILENO, options.err);
    spawned result;
    for (int n = 0; n < first_free; ++n)
        if (s.ours[n].get() >= 0) result.pipes[n] = fd(s.ours[n].release());
    std::vector<char*> environment;
    if (options.environment) {
        for (const std::string& e : *options.environment) environment.push_back(const_cast<char*>(e.c_str()));
        environment.push_back(nullptr);
    }
    result.pid = plan(s, options).run(command, options.environment ? environment.data() : environ);
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, result.pid, 0));
    if (process < 0) give_up(result.pid);
    try {
        result.process = fd(process);
    } catch (...) {
        ::kill(result.pid, SIGKILL);
        ::waitpid(result.pid, nullptr, 0);
        throw;
    }
    return result;
}

}  // namespace crocus
