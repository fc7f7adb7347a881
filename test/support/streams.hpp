// What tests of streams and servers stand on.
#pragma once

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/driver_decorator.hpp>
#include <crocus/timeout.hpp>

#include "errors.hpp"
#include "io_drivers.hpp"

namespace crocus::test {

/// Over the kernel, in whole pieces and in small ones.
inline const std::vector<std::string> kernel_stream_drivers{"epoll", "poll", "small pieces"};

/// Two connected streams.
inline std::pair<stream, stream> stream_pair(stream_options options = {}) {
    auto [a, b] = socket::pair();
    return {stream(std::move(a), options), stream(std::move(b), options)};
}

/// The same over TCP.
inline std::pair<stream, stream> tcp_pair(stream_options options = {}) {
    socket listener(AF_INET);
    listener.bind(address::parse("127.0.0.1", 0));
    listener.listen(1);
    socket near(AF_INET);
    auto accepting = create_task([&] { return listener.accept(); });
    near.connect(listener.local_address());
    return {stream(std::move(near), options), stream(accepting.get(), options)};
}

/// Calls `f(near, far)` over each driver, with the two ends of a connection.
template <class F>
void with_streams(F f, stream_options options = {}) {
    on_each_driver(all_stream_drivers, [&] {
        auto [near, far] = stream_pair(options);
        f(near, far);
    });
}

/// The same over TCP.
template <class F>
void with_tcp_streams(F f) {
    on_each_driver(kernel_stream_drivers, [&] {
        auto [near, far] = tcp_pair();
        f(near, far);
    });
}

/// Lets everything happen that can happen now.
inline void settle() {
    for (int i = 0; i != 20; ++i) yield_now();
}

/// A clock that jumps to the next timer when nothing has been sent, received or accepted since it was last asked.
class quick_clock final : public crocus::testing::driver_decorator {
public:
    using driver_decorator::driver_decorator;

    [[nodiscard]] time_point now() noexcept override { return driver_decorator::now() + ahead_; }

    void poll(time_point until) override {
        const bool waits = until != time_point::min() && until != time_point::max();
        if (waits && until == last_until_ && !std::exchange(busy_, false) && until > now()) ahead_ += until - now();
        last_until_ = until;
        driver_decorator::poll(waits ? time_point::min() : until);
    }

    io_handle accept(io_handle handle) override {
        const activity here{busy_};
        return driver_decorator::accept(handle);
    }
    std::size_t recv(io_handle handle, std::span<std::byte> into) override {
        const activity here{busy_};
        return driver_decorator::recv(handle, into);
    }
    std::size_t send(io_handle handle, std::span<const iovec> pieces) override {
        const activity here{busy_};
        return driver_decorator::send(handle, pieces);
    }

private:
    struct activity {  // when the call ends
        bool& busy;
        ~activity() { busy = true; }
    };

    duration ahead_{};
    time_point last_until_{};
    bool busy_ = false;
};

/// Calls `f()` over each kernel's driver, with that clock.
template <class F>
void with_quick_clock(F f) {
    for (const std::string& name : kernel_drivers)
        BOOST_TEST_CONTEXT("driver: " << name) {
            crocus::run(f, {.driver = std::make_unique<quick_clock>(make_io_driver(name)), .handle_interrupt = false});
        }
}

}  // namespace crocus::test
