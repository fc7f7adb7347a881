#include <crocus/process.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/sync/mutex.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "detail/at_end.hpp"
#include "process/spawn.hpp"

namespace crocus {

void subprocess_protocol::connection_made(subprocess_transport) {}
void subprocess_protocol::pipe_data_received(int, std::string_view) {}
void subprocess_protocol::pipe_connection_lost(int, std::exception_ptr) {}
void subprocess_protocol::process_exited() {}

namespace {

void report(const char* message) noexcept {
    event_loop::current().call_exception_handler({message, std::current_exception()});
}

}  // namespace

class subprocess_transport::state : public std::enable_shared_from_this<state> {
public:
    state(std::shared_ptr<subprocess_protocol> p, spawned child)
        : protocol_(std::move(p)), child_(std::move(child)), pid_(child_.pid) {}

    void start();
    void send_signal(int signal);
    void close() noexcept;
    int wait();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] std::optional<int> returncode() const noexcept { return returncode_; }
    [[nodiscard]] transport pipe(int number) const {
        return number >= 0 && number < static_cast<int>(pipes_.size()) ? pipes_[static_cast<std::size_t>(number)]
                                                                       : transport();
    }
    [[nodiscard]] bool is_closing() const noexcept { return closing_; }

private:
    class pipe_protocol;

    void run() noexcept;
    void never_began() noexcept;
    void begin();
    void open_pipe(std::size_t number);
    void await_exit();
    void reap() noexcept;
    void finish() noexcept;
    template <class F>
    void last(F f) noexcept;
    void signal_child(int signal) noexcept;

    /// One method at a time. What it throws is reported; but for a cancellation, the loop's end.
    template <class F>
    void call(const char* method, F f) {
        defer_cancellation([&] { turn_.lock(); });
        const std::lock_guard mine(turn_, std::adopt_lock);
        try {
            f(*protocol_);
        } catch (const cancelled_error&) {
            throw;
        } catch (...) {
            report(method);
        }
    }

    std::shared_ptr<subprocess_protocol> protocol_;
    spawned child_;
    const pid_t pid_;
    std::array<transport, 3> pipes_;
    std::size_t open_pipes_ = 0;
    std::optional<int> returncode_;
    std::exception_ptr why_;
    mutex turn_;
    wait_queue changed_;
    bool begun_ = false;
    bool made_ = false;
    bool closing_ = false;
};

/// What one pipe's transport calls.
class subprocess_transport::state::pipe_protocol final : public protocol {
public:
    pipe_protocol(std::shared_ptr<state> of, int number) noexcept : of_(std::move(of)), number_(number) {
        ++of_->open_pipes_;
    }
    /// Also if the connection was never lost: its task was cancelled before it began, or it has another protocol now.
    ~pipe_protocol() override { end(); }
    pipe_protocol(const pipe_protocol&) = delete;
    pipe_protocol& operator=(const pipe_protocol&) = delete;

    void data_received(std::string_view data) override {
        of_->call("exception in a protocol's pipe_data_received",
                  [&](subprocess_protocol& p) { p.pipe_data_received(number_, data); });
    }
    void connection_lost(std::exception_ptr why) override {
        const auto lost = detail::at_end([this] { end(); });
        of_->call("exception in a protocol's pipe_connection_lost",
                  [&](subprocess_protocol& p) { p.pipe_connection_lost(number_, why); });
    }
    void pause_writing() override { of_->protocol_->pause_writing(); }
    void resume_writing() override { of_->protocol_->resume_writing(); }

private:
    void end() noexcept {
        if (std::exchange(ended_, true)) return;
        --of_->open_pipes_;
        of_->changed_.notify_all();
    }

    const std::shared_ptr<state> of_;
    const int number_;
    bool ended_ = false;
};

void subprocess_transport::state::start() {
    auto end = detail::at_end([self = shared_from_this()] {
        if (!self->begun_) self->never_began();
    });
    static_cast<void>(create_task([self = shared_from_this(), end = std::move(end)] { self->run(); },
                                  {.name = "subprocess " + std::to_string(pid_)}));
    try {
        while (!made_) changed_.wait();
    } catch (...) {
        close();
        throw;
    }
}

/// The loop has ended first: the child goes with it, and the protocol has heard of nothing.
void subprocess_transport::state::never_began() noexcept {
    close();
    reap();
    made_ = true;
    protocol_ = nullptr;
}

void subprocess_transport::state::run() noexcept {
    begun_ = true;
    try {
        begin();
        await_exit();
    } catch (...) {
        why_ = std::current_exception();
        close();
    }
    finish();
}

/// The pipes' protocols wait for their turn until connection_made has returned.
void subprocess_transport::state::begin() {
    call("exception in a protocol's connection_made", [&](subprocess_protocol& p) {
        for (std::size_t n = 0; n < pipes_.size(); ++n)
            if (child_.pipes[n].is_open()) open_pipe(n);
        p.connection_made(subprocess_transport(shared_from_this()));
    });
    made_ = true;
    changed_.notify_all();
}

void subprocess_transport::state::open_pipe(std::size_t number) {
    const auto what = number == STDIN_FILENO ? transport::kind::write_pipe : transport::kind::read_pipe;
    auto p = std::make_shared<pipe_protocol>(shared_from_this(), static_cast<int>(number));
    pipes_[number] = transport::open(socket(std::move(child_.pipes[number])), std::move(p), what, {});
}

void subprocess_transport::state::await_exit() {
    if (returncode_) return;
    child_.process.wait_readable();
    reap();
}

void subprocess_transport::state::reap() noexcept {
    siginfo_t end{};
    int result = -1;
    for (;;) {
        result = ::waitid(P_PIDFD, static_cast<id_t>(child_.process.native()), &end, WEXITED);
        if (result == 0 || (errno != EINTR && errno != EAGAIN)) break;
        // The descriptor is non-blocking: a child that was killed just now has still to end.
        pollfd ended{child_.process.native(), POLLIN, 0};
        ::poll(&ended, 1, -1);
    }
    if (result == 0) {
        returncode_ = end.si_code == CLD_EXITED ? end.si_status : -end.si_status;
    } else {
        returncode_ = 255;
        event_loop::current().call_exception_handler(
            {"child process " + std::to_string(pid_) + " was waited for by somebody else: its return code is unknown"});
    }
    child_.process.close();
}

/// Does what comes next at the end; what breaks that off closes everything, and the rest goes on.
template <class F>
void subprocess_transport::state::last(F f) noexcept {
    try {
        f();
    } catch (...) {
        if (!why_) why_ = std::current_exception();
        close();
    }
}

/// The child's end is waited for whatever happens: nobody else would.
void subprocess_transport::state::finish() noexcept {
    last([&] { defer_cancellation([&] { await_exit(); }); });
    changed_.notify_all();
    last([&] { call("exception in a protocol's process_exited", [](subprocess_protocol& p) { p.process_exited(); }); });
    const auto await_pipes = [&] {
        while (open_pipes_ != 0) changed_.wait();
    };
    last(await_pipes);
    last([&] { defer_cancellation(await_pipes); });
    last([&] {
        call("exception in a protocol's connection_lost", [&](subprocess_protocol& p) { p.connection_lost(why_); });
    });
    made_ = true;
    protocol_ = nullptr;
    pipes_ = {};
    changed_.notify_all();
}

/// By the descriptor, so that it never reaches a stranger.
void subprocess_transport::state::signal_child(int signal) noexcept {
    if (const int process = child_.process.native(); process >= 0)
        ::syscall(SYS_pidfd_send_signal, process, signal, nullptr, 0);
}

void subprocess_transport::state::send_signal(int signal) {
    if (returncode_)
        throw std::system_error(ESRCH, std::generic_category(), "child process " + std::to_string(pid_) + " has ended");
    signal_child(signal);
}

void subprocess_transport::state::close() noexcept {
    if (std::exchange(closing_, true)) return;
    for (fd& pipe : child_.pipes) pipe.close();
    for (const transport& pipe : pipes_)
        if (pipe) pipe.close();
    if (!returncode_) signal_child(SIGKILL);
}

int subprocess_transport::state::wait() {
    while (!returncode_ || open_pipes_ != 0) changed_.wait();
    return *returncode_;
}

// ---------------------------------------------------------------------------------------------------------- the handle

subprocess_transport::state& subprocess_transport::checked() const {
    if (!state_) throw usage_error("a subprocess transport was used that is none: connection_made gives one");
    return *state_;
}

pid_t subprocess_transport::get_pid() const { return checked().pid(); }
std::optional<int> subprocess_transport::get_returncode() const { return checked().returncode(); }
transport subprocess_transport::get_pipe_transport(int fd) const { return checked().pipe(fd); }
void subprocess_transport::send_signal(int signal) const { checked().send_signal(signal); }
void subprocess_transport::terminate() const { send_signal(SIGTERM); }
void subprocess_transport::kill() const { send_signal(SIGKILL); }
void subprocess_transport::close() const { checked().close(); }
bool subprocess_transport::is_closing() const { return checked().is_closing(); }
int subprocess_transport::wait() const {
    const auto alive = state_;
    return checked().wait();
}

subprocess_transport start_subprocess(std::shared_ptr<subprocess_protocol> protocol,
                                      const std::vector<std::string>& command, const subprocess_options& options) {
    if (protocol == nullptr) throw usage_error("a subprocess was given no protocol: its factory returned null");
    auto s = std::make_shared<subprocess_transport::state>(std::move(protocol), spawn(command, options));
    s->start();
    return subprocess_transport(std::move(s));
}

}  // namespace crocus
