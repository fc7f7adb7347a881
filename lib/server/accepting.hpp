// What servers have in common, whatever they do with a connection: the sockets that listen, and the tasks that accept.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include <crocus/detail/fork_mark.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "listening.hpp"

namespace crocus::detail {

/// Whose connections they are.
class accepting_owner {
public:
    /// Is given each new connection, in an accepting task, in the context that the server was made in.
    virtual void take(socket peer) = 0;
    /// How many there are now.
    [[nodiscard]] virtual std::size_t connections() const noexcept = 0;
    /// serve_forever() was cancelled: they are to end soon, if anything but their own end can bring that about.
    virtual void end_connections() noexcept = 0;
    /// They have not ended in time, since their peers do not take what is still to be sent, say.
    virtual void abort_connections() noexcept = 0;

protected:
    ~accepting_owner() = default;
};

class accepting {
public:
    accepting(accepting_owner& owner, std::vector<socket> bound, const listen_options& options);
    accepting(const accepting&) = delete;
    accepting& operator=(const accepting&) = delete;
    /// Requires: it has ended, or never began.
    ~accepting() { close(); }

    /// Listens, and accepts from then on. Does nothing if it does already.
    ///
    /// Throws: usage_error   it is closed;   std::system_error
    void start();
    /// Stops listening. Idempotent.
    void close() noexcept;
    /// A connection has ended.
    void connection_ended() noexcept;

    /// Until it is closed, no accepting task is left, and no connection.
    void wait_closed();
    /// The same; starts it, and closes it when the caller is cancelled.
    void serve_forever();
    /// What serve_forever does then, and a destructor: nobody's cancellation ends the wait.
    void wait_closed_regardless();

    [[nodiscard]] bool is_serving() const noexcept { return open_ && serving_ && !forked(); }
    [[nodiscard]] const std::vector<address>& addresses() const noexcept { return addresses_; }
    /// It is the parent's, and this process was forked from that.
    [[nodiscard]] bool forked() const noexcept { return made_.passed(); }

private:
    struct listener {
        socket sock;
        std::optional<task<void>> accepts;
    };

    void begin(listener& l, const address& at);
    void accept_all(socket& from);
    void accept_one(socket& from);
    void wait_for_room();
    [[nodiscard]] bool has_ended() const noexcept { return !open_ && tasks_ == 0 && owner_.connections() == 0; }
    void end_connections_in_time();
    void signal_if_ended() noexcept;
    void require_open(const char* operation) const;

    const fork_mark made_;
    accepting_owner& owner_;
    const listen_options options_;
    std::list<listener> listeners_;
    std::vector<address> addresses_;
    socket_file file_;
    std::size_t tasks_ = 0;
    bool open_ = true;
    bool serving_ = false;
    bool forever_ = false;
    wait_queue ended_;
    wait_queue room_;     // listeners that wait for a connection to end
    wait_queue closing_;  // listeners that pause
};

}  // namespace crocus::detail
