// For tests of programs that use crocus: a loop whose time passes only when everybody waits (IsolatedAsyncioTestCase).
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io_driver.hpp>
#include <crocus/run.hpp>

namespace crocus::testing {

/// Virtual time: when nothing is ready the clock jumps to the next timer. Where nothing can ever become ready the main
/// flow gets a deadlock_error instead of hanging. It has no descriptors: what asks for one gets a usage_error.
///
/// It does not wait for other threads: what they do takes no time, and nobody waits for it but who waits for them.
class CROCUS_EXPORT virtual_time_driver : public io_driver {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "virtual time"; }
    [[nodiscard]] time_point now() noexcept override { return now_; }

    void poll(time_point until) override {
        if (std::exchange(woken_, false) || until == time_point::min()) return;
        if (until == time_point::max())
            throw deadlock_error("nothing is ready, no timer is set: everybody waits for ever");
        now_ = std::max(now_, until);
    }
    void wake() noexcept override { woken_ = true; }

    /// As if the caller had computed for so long.
    void advance(duration d) noexcept { now_ += d; }

    io_handle adopt(int) override { no_descriptors(); }
    void close(io_handle) noexcept override {}
    [[nodiscard]] int native(io_handle) const noexcept override { return -1; }
    io_handle open_socket(int, int, int) override { no_descriptors(); }
    void bind(io_handle, const sockaddr*, socklen_t) override { no_descriptors(); }
    void listen(io_handle, int) override { no_descriptors(); }
    void shutdown(io_handle, int) override { no_descriptors(); }
    void local_address(io_handle, sockaddr*, socklen_t*) const override { no_descriptors(); }
    void remote_address(io_handle, sockaddr*, socklen_t*) const override { no_descriptors(); }
    void connect(io_handle, const sockaddr*, socklen_t) override { no_descriptors(); }
    io_handle accept(io_handle) override { no_descriptors(); }
    std::size_t recv(io_handle, std::span<std::byte>) override { no_descriptors(); }
    std::size_t send(io_handle, std::span<const iovec>) override { no_descriptors(); }
    void wait_readable(io_handle) override { no_descriptors(); }
    void wait_writable(io_handle) override { no_descriptors(); }
    io_handle watch(int, io_watcher&) override { no_descriptors(); }
    bool arm(io_handle, bool, bool) noexcept override { return false; }
    void release(io_handle) noexcept override {}

private:
    [[noreturn]] static void no_descriptors() { throw usage_error("virtual time has no descriptors"); }

    time_point now_{std::chrono::hours(1)};
    bool woken_ = false;
};

/// crocus::run(f) on virtual time, without Ctrl-C: a test that sleeps for a day takes microseconds, and goes the same
/// way each time. What sets it up, the test itself and what clears up have one loop and one context. (C27)
///
/// Throws: what run() throws;   deadlock_error   in f, where it waits and nothing can become ready any more
template <class F>
decltype(auto) run(F&& f) {
    return crocus::run(std::forward<F>(f),
                       {.driver = std::make_unique<virtual_time_driver>(), .handle_interrupt = false});
}

/// Lets `d` of virtual time pass here and now, as if the caller had computed for so long.
///
/// Throws: usage_error   the calling thread's loop has another driver
inline void advance(duration d) {
    event_loop* const loop = event_loop::current_if_any();
    auto* const time = loop != nullptr ? dynamic_cast<virtual_time_driver*>(&loop->driver()) : nullptr;
    if (time == nullptr) throw usage_error("testing::advance: this is no virtual time; call it inside testing::run");
    time->advance(d);
}

}  // namespace crocus::testing
