// Child processes in callback style (asyncio's subprocess transports).
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <crocus/config.hpp>
#include <crocus/protocol.hpp>
#include <crocus/transport.hpp>

namespace crocus {

class subprocess_transport;

/// Hears of a child: connection_made first, then what its pipes bring and process_exited, in any order, then
/// connection_lost. Methods are called one after the other, and may suspend; the others wait meanwhile, but for
/// pause_writing and resume_writing, which are about the child's standard input. What they throw is reported, and the
/// child goes on. (P5, X15)
class CROCUS_EXPORT subprocess_protocol : public base_protocol {
public:
    /// All pipes are connected.
    virtual void connection_made(subprocess_transport made);
    /// `fd`: 1 or 2.
    virtual void pipe_data_received(int fd, std::string_view data);
    /// `fd`: 0, 1 or 2. `why` is null where the pipe's end was met, or it was closed here.
    virtual void pipe_connection_lost(int fd, std::exception_ptr why);
    /// The transport knows the return code. Pipes may still bring something, also from those that the child has
    /// started.
    virtual void process_exited();
};

/// What one of a child's standard streams is.
class child_stream {
public:
    /// A pipe of the transport's.
    static child_stream pipe() noexcept { return child_stream(what::pipe); }
    /// The parent's.
    static child_stream inherited() noexcept { return child_stream(what::inherited); }
    /// /dev/null
    static child_stream null() noexcept { return child_stream(what::null); }
    /// For the standard error: where the standard output goes.
    static child_stream as_output() noexcept { return child_stream(what::as_output); }
    /// An open descriptor, which stays the caller's.
    static child_stream from(int fd) noexcept { return child_stream(what::given, fd); }

    enum class what : unsigned char { pipe, inherited, null, as_output, given };
    [[nodiscard]] what kind() const noexcept { return kind_; }
    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    explicit child_stream(what kind, int fd = -1) noexcept : kind_(kind), fd_(fd) {}

    what kind_;
    int fd_;
};

struct subprocess_options {
    child_stream in = child_stream::pipe();
    child_stream out = child_stream::pipe();
    child_stream err = child_stream::pipe();
    std::optional<std::vector<std::string>> environment = {};  // "NAME=value"; nothing: the parent's
    std::string directory = {};                                // where it starts; empty: where the parent is
    bool new_session = false;                                  // it leads a session of its own (setsid)
};

/// A handle on a child: copies refer to the same one. Letting handles go does not end it; the end of the loop kills it,
/// waits for it, and calls connection_lost(cancelled_error). (R18)
///
/// Thread: the loop's own.
class CROCUS_EXPORT subprocess_transport {
public:
    subprocess_transport() noexcept = default;
    [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

    [[nodiscard]] pid_t get_pid() const;
    /// Nothing while it runs; -N if signal N has killed it; 255 if somebody else has waited for it.
    [[nodiscard]] std::optional<int> get_returncode() const;
    /// The transport of pipe 0, 1 or 2; none where there is no such pipe.
    [[nodiscard]] transport get_pipe_transport(int fd) const;

    /// Throws: std::system_error   ESRCH: it has ended; a child that ends just now is none (X9)
    void send_signal(int signal) const;
    /// send_signal(SIGTERM) and send_signal(SIGKILL).
    void terminate() const;
    void kill() const;

    /// Closes the pipes, and kills the child if it still runs. Idempotent. (X13)
    void close() const;
    [[nodiscard]] bool is_closing() const;

    /// The return code.
    ///
    /// Suspends: until the child has ended, and its pipes have: those that it has started may hold them (X6)
    /// Throws:   cancelled_error: the child goes on
    int wait() const;

private:
    class state;
    friend CROCUS_EXPORT subprocess_transport start_subprocess(std::shared_ptr<subprocess_protocol>,
                                                               const std::vector<std::string>&,
                                                               const subprocess_options&);
    explicit subprocess_transport(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
    [[nodiscard]] state& checked() const;

    std::shared_ptr<state> state_;
};

/// What the functions below are made of.
CROCUS_EXPORT subprocess_transport start_subprocess(std::shared_ptr<subprocess_protocol> protocol,
                                                    const std::vector<std::string>& command,
                                                    const subprocess_options& options);

/// Starts a program, which is looked for in PATH, with its arguments. The child gets no descriptor of ours but the
/// three streams, no signal is blocked in it, and SIGPIPE has its default effect. (X14)
///
///     auto [transport, protocol] = subprocess_exec([] { return std::make_shared<watcher>(); }, {"ls", "-l"});
///
/// Suspends: until connection_made has returned; if cancelled, the child is killed
/// Throws:   std::system_error   it cannot be started: the message names it
///           usage_error         no program is named; a '\0' in an argument; err alone can be as_output()
template <class Factory>
auto subprocess_exec(Factory factory, const std::vector<std::string>& command, const subprocess_options& options = {}) {
    auto made = detail::make_protocol(factory);
    subprocess_transport started = start_subprocess(made, command, options);
    return std::pair(std::move(started), std::move(made));
}

/// The same for a command line of /bin/sh.
template <class Factory>
auto subprocess_shell(Factory factory, const std::string& command, const subprocess_options& options = {}) {
    return subprocess_exec(std::move(factory), {"/bin/sh", "-c", command}, options);
}

}  // namespace crocus
