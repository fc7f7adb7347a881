// Time that passes only when everybody waits.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include <semaphore.h>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io_driver.hpp>

namespace crocus::testing {

/// Virtual time: when nothing is ready the clock jumps to the next timer. Where nothing can ever become ready the main
/// flow gets a deadlock_error instead of hanging. It has no descriptors: what asks for one gets a usage_error. A driver of
/// one's own that has derives from it, as simulated_network does: where it may_be_woken() it lets time pass. (O16)
///
/// Other threads are real, and take no time: while a flow of the loop waits for one (to_thread, a call of an executor,
/// a concurrent_future), the clock stands still, and the loop sleeps until it is woken. So it does where no timer is set
/// and somebody has a loop_ref, as long as the process has, or had, a second thread. A loop_ref alone does not stop time;
/// neither does a call that nobody waits for, nor one that may itself wait for this loop (run_coroutine_threadsafe), nor
/// a wait in a channel, which may be for a task of the same loop: a time limit on that passes at once.
///
/// Once the process has had a second thread, time stands still, too, for a concurrent_promise that this thread would keep
/// after some time: within one loop there is future.
class CROCUS_EXPORT virtual_time_driver : public io_driver {
public:
    virtual_time_driver();
    virtual_time_driver(const virtual_time_driver&) = delete;
    virtual_time_driver& operator=(const virtual_time_driver&) = delete;
    ~virtual_time_driver() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "virtual time"; }
    [[nodiscard]] time_point now() noexcept override { return now_; }

    void poll(time_point until) override;
    void wake() noexcept override;
    [[nodiscard]] bool may_be_woken() const noexcept override { return false; }

    /// As if the caller had computed for so long.
    void advance(duration d) noexcept { now_ += d; }

    io_handle adopt(int) override { no_descriptors(); }
    void close(io_handle) noexcept override {}
    [[nodiscard]] int native(io_handle) const noexcept override { return -1; }
    io_handle open_socket(int, int, int) override { no_descriptors(); }
    std::pair<io_handle, io_handle> open_pair(int) override { no_descriptors(); }
    void bind(io_handle, const sockaddr*, socklen_t) override { no_descriptors(); }
    void listen(io_handle, int) override { no_descriptors(); }
    void shutdown(io_handle, int) override { no_descriptors(); }
    void local_address(io_handle, sockaddr*, socklen_t*) const override { no_descriptors(); }
    void remote_address(io_handle, sockaddr*, socklen_t*) const override { no_descriptors(); }
    void connect(io_handle, const sockaddr*, socklen_t) override { no_descriptors(); }
    io_handle accept(io_handle) override { no_descriptors(); }
    std::size_t recv(io_handle, std::span<std::byte>) override { no_descriptors(); }
    std::optional<std::size_t> try_recv(io_handle, std::span<std::byte>) override { no_descriptors(); }
    std::size_t send(io_handle, std::span<const iovec>) override { no_descriptors(); }
    std::optional<std::size_t> try_send(io_handle, std::span<const iovec>) override { no_descriptors(); }
    std::size_t recv_from(io_handle, std::span<std::byte>, sockaddr*, socklen_t*) override { no_descriptors(); }
    std::optional<std::size_t> try_recv_from(io_handle, std::span<std::byte>, sockaddr*, socklen_t*) override {
        no_descriptors();
    }
    void send_to(io_handle, std::span<const iovec>, const sockaddr*, socklen_t) override { no_descriptors(); }
    bool try_send_to(io_handle, std::span<const iovec>, const sockaddr*, socklen_t) override { no_descriptors(); }
    void wait_readable(io_handle) override { no_descriptors(); }
    void wait_writable(io_handle) override { no_descriptors(); }
    io_handle watch(int, io_watcher&) override { no_descriptors(); }
    bool arm(io_handle, bool, bool) noexcept override { return false; }
    void release(io_handle) noexcept override {}

private:
    [[noreturn]] static void no_descriptors() { throw usage_error("virtual time has no descriptors"); }

    time_point now_{std::chrono::hours(1)};
    ::sem_t woken_;  // that signal handlers may post
};

/// Lets `d` of virtual time pass here and now, as if the caller had computed for so long.
///
/// Throws: usage_error   the calling thread's loop has another driver
CROCUS_EXPORT void advance(duration d);

}  // namespace crocus::testing
