// What servers have in common, whatever they do with a connection: the sockets that listen, and the tasks that accept.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/task.hpp>

#include "socket_file.hpp"

namespace crocus::detail {

class accepting {
public:
    /// `taken`: is given each new connection; called in an accepting task, in the context that this was made in. What
    /// it throws is reported. `ended`: the last accepting task has.
    accepting(std::function<void(socket)> taken, std::function<void()> ended, int backlog)
        : taken_(std::move(taken)), ended_(std::move(ended)), backlog_(backlog) {}
    accepting(const accepting&) = delete;
    accepting& operator=(const accepting&) = delete;
    /// Requires: it has ended, or never began.
    ~accepting() { close(); }

    /// Binds to all of these. Those that this machine has not are left out, unless it has none of them. A host with
    /// several addresses gets one port on all of them. A Unix socket that is left at a path is replaced.
    void bind(const std::vector<address>& on, bool reuse_port);
    /// Takes a socket that is bound.
    void add(socket bound);

    /// Listens, and accepts from then on. Does nothing if it does already.
    void start();
    /// Stops listening. Idempotent.
    void close() noexcept;

    [[nodiscard]] bool is_open() const noexcept { return open_; }
    [[nodiscard]] bool is_serving() const noexcept { return open_ && started_; }
    /// No accepting task is left.
    [[nodiscard]] bool has_ended() const noexcept { return !open_ && tasks_ == 0; }
    [[nodiscard]] const std::vector<address>& addresses() const noexcept { return addresses_; }

private:
    struct listener {
        socket sock;
        socket_file file;
        std::optional<task<void>> accepts;
    };

    void accept_all(socket& from);
    void accept_one(socket& from);

    std::function<void(socket)> taken_;
    std::function<void()> ended_;
    const int backlog_;
    std::list<listener> listeners_;
    std::vector<address> addresses_;
    std::size_t tasks_ = 0;
    bool open_ = true;
    bool started_ = false;
};

}  // namespace crocus::detail
