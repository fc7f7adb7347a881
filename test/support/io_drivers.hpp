// A test of what does input and output is written once, and run on each driver.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <crocus/event_loop.hpp>
#include <crocus/io_driver.hpp>
#include <crocus/run.hpp>
#include <crocus/testing/driver_decorator.hpp>

namespace crocus::test {

/// A driver of a user's own: streams come and go in small pieces, whatever is asked for.
class small_pieces final : public crocus::testing::driver_decorator {
public:
    using driver_decorator::driver_decorator;

    [[nodiscard]] std::string_view name() const noexcept override { return "small pieces"; }

    std::size_t recv(io_handle handle, std::span<std::byte> into) override {
        return driver_decorator::recv(handle, some(into));
    }
    std::optional<std::size_t> try_recv(io_handle handle, std::span<std::byte> into) override {
        return driver_decorator::try_recv(handle, some(into));
    }
    std::size_t send(io_handle handle, std::span<const iovec> pieces) override {
        iovec beginning = first_bytes(pieces);
        return driver_decorator::send(handle, {&beginning, 1});
    }
    std::optional<std::size_t> try_send(io_handle handle, std::span<const iovec> pieces) override {
        iovec beginning = first_bytes(pieces);
        return driver_decorator::try_send(handle, {&beginning, 1});
    }

private:
    std::size_t next_size() { return 1 + calls_++ % 7; }

    std::span<std::byte> some(std::span<std::byte> into) { return into.first(std::min(into.size(), next_size())); }
    iovec first_bytes(std::span<const iovec> pieces) {
        iovec first{};
        for (const iovec& p : pieces)
            if (first.iov_len == 0) first = p;
        first.iov_len = std::min(first.iov_len, next_size());
        return first;
    }

    std::size_t calls_ = 0;
};

/// Calls `f()` in a loop of its own over the driver of this name; "small pieces" is the one above.
template <class F>
void on_driver(const std::string& name, F f) {
    auto driver = name == "small pieces" ? std::make_unique<small_pieces>(make_io_driver("epoll")) : make_io_driver(name);
    BOOST_TEST_CONTEXT("driver: " << name) { crocus::run(f, {.driver = std::move(driver), .handle_interrupt = false}); }
}

/// Drivers over the kernel's descriptors.
inline const std::vector<std::string> kernel_drivers{"epoll", "poll"};
/// Every driver.
inline const std::vector<std::string> all_drivers{"epoll", "poll", "simulated"};
/// The same, and one that moves streams in small pieces: for what reads and writes streams.
inline const std::vector<std::string> all_stream_drivers{"epoll", "poll", "simulated", "small pieces"};

template <class F>
void on_each_driver(const std::vector<std::string>& names, F f) {
    for (const std::string& name : names) on_driver(name, f);
}

}  // namespace crocus::test
