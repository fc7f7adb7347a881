// What stream and datagram transports have in common: the task that reads and calls the protocol, the task that sends
// what waits, flow control, and the end.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <crocus/detail/context_data.hpp>
#include <crocus/error.hpp>
#include <crocus/transport.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

class base_transport::state : public std::enable_shared_from_this<state> {
public:
    state(socket over, std::shared_ptr<base_protocol> p);
    virtual ~state();

    /// The connection's life: from connection_made to connection_lost, in the calling task.
    void run() noexcept;
    /// Has a task of its own do that, and waits for connection_made.
    void start(const transport_options& options);

    void close() noexcept;
    void abort() noexcept { lose(nullptr, true); }
    [[nodiscard]] bool is_closing() const noexcept { return closing_; }

    void set_limits(std::optional<std::size_t> high, std::optional<std::size_t> low);
    [[nodiscard]] write_buffer_limits limits() const noexcept { return limits_; }
    [[nodiscard]] virtual std::size_t buffered() const noexcept = 0;

    [[nodiscard]] const std::optional<address>& local() const noexcept { return local_; }
    [[nodiscard]] const std::optional<address>& remote() const noexcept { return remote_; }
    [[nodiscard]] const socket& get_socket() const noexcept { return socket_; }
    [[nodiscard]] const std::shared_ptr<base_protocol>& get_protocol() const noexcept { return protocol_; }

protected:
    /// Calls the protocol's.
    virtual void connection_made() = 0;
    [[nodiscard]] virtual bool wants_input() const noexcept = 0;
    /// Reads once and hands it on, or waits until there is something. Suspends.
    virtual void read_once() = 0;
    /// Sends some of what waits. Suspends.
    virtual void send_some() = 0;
    [[nodiscard]] virtual bool has_output() const noexcept = 0;
    /// What waits will not be sent.
    virtual void drop_output() noexcept = 0;
    /// All is sent, and more may come.
    virtual void drained() noexcept {}
    /// Something is being sent that is not in the buffer.
    [[nodiscard]] virtual bool is_busy() const noexcept { return false; }

    [[nodiscard]] bool is_lost() const noexcept { return lost_; }
    [[nodiscard]] bool is_ended() const noexcept { return ended_; }
    [[nodiscard]] const std::exception_ptr& why_lost() const noexcept { return why_; }
    /// Nothing waits to be sent, and nobody sends.
    [[nodiscard]] bool is_idle() const noexcept { return writer_ == writer::none && !has_output() && !is_busy(); }
    void settle() noexcept;

    /// There is output. Pauses the protocol if it is too much.
    void added_output();
    void count_dropped() noexcept;

    void lose(std::exception_ptr why, bool reset) noexcept;
    /// The exception that is being handled breaks the connection.
    void fail(const char* message) noexcept;
    static void report(const char* message) noexcept;

    void replace_protocol(std::shared_ptr<base_protocol> next) noexcept { protocol_ = std::move(next); }
    /// Calls `f()`, whose exceptions are reported as the protocol's; but for a cancellation.
    template <class F>
    static void call(const char* method, F f) {
        try {
            f();
        } catch (const cancelled_error&) {
            throw;
        } catch (...) {
            report(method);
        }
    }

    socket socket_;
    wait_queue changed_;  // what one of the tasks, or of those who wait for them, may wait for has

private:
    enum class writer : unsigned char { none, starting, running };

    void live();
    void end() noexcept;
    void never_began() noexcept;
    void start_writer();
    void write_out() noexcept;
    void pause_if_full();
    void resume_if_low();

    std::shared_ptr<base_protocol> protocol_;
    std::optional<address> local_;
    std::optional<address> remote_;
    write_buffer_limits limits_;
    std::exception_ptr why_;
    detail::context_slot context_ = detail::context_slot::capture();
    std::size_t dropped_ = 0;
    writer writer_ = writer::none;
    bool begun_ = false;
    bool made_ = false;
    bool closing_ = false;
    bool lost_ = false;
    bool ended_ = false;
    bool paused_ = false;  // the protocol's writing
};

}  // namespace crocus
