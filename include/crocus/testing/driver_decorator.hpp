// A driver over another driver, which it changes a little: to count, to record, to fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/io_driver.hpp>

namespace crocus::testing {

/// Passes everything on. What derives from it says what is otherwise:
///
///     struct slow_reader final : crocus::testing::driver_decorator {
///         using driver_decorator::driver_decorator;
///         std::size_t recv(crocus::io_handle handle, std::span<std::byte> into) override {
///             return driver_decorator::recv(handle, into.first(1));
///         }
///     };
///     crocus::run(f, {.driver = std::make_unique<slow_reader>(crocus::make_io_driver())});
class driver_decorator : public io_driver {
public:
    explicit driver_decorator(std::unique_ptr<io_driver> decorated) noexcept : inner_(std::move(decorated)) {}

    [[nodiscard]] io_driver& decorated() const noexcept { return *inner_; }

    [[nodiscard]] std::string_view name() const noexcept override { return inner_->name(); }
    [[nodiscard]] time_point now() noexcept override { return inner_->now(); }
    void poll(time_point until) override { inner_->poll(until); }
    [[nodiscard]] bool may_be_woken() const noexcept override { return inner_->may_be_woken(); }
    void wake() noexcept override { inner_->wake(); }

    io_handle adopt(int fd) override { return inner_->adopt(fd); }
    void close(io_handle handle) noexcept override { inner_->close(handle); }
    void abort(io_handle handle) noexcept override { inner_->abort(handle); }
    [[nodiscard]] int native(io_handle handle) const noexcept override { return inner_->native(handle); }

    io_handle open_socket(int family, int type, int protocol) override {
        return inner_->open_socket(family, type, protocol);
    }
    std::pair<io_handle, io_handle> open_pair(int type) override { return inner_->open_pair(type); }
    void bind(io_handle handle, const sockaddr* address, socklen_t length) override {
        inner_->bind(handle, address, length);
    }
    void listen(io_handle handle, int backlog) override { inner_->listen(handle, backlog); }
    void shutdown(io_handle handle, int how) override { inner_->shutdown(handle, how); }
    void local_address(io_handle handle, sockaddr* address, socklen_t* length) const override {
        inner_->local_address(handle, address, length);
    }
    void remote_address(io_handle handle, sockaddr* address, socklen_t* length) const override {
        inner_->remote_address(handle, address, length);
    }
    [[nodiscard]] std::optional<std::vector<sockaddr_storage>> look_up(std::string_view host) const override {
        return inner_->look_up(host);
    }

    void connect(io_handle handle, const sockaddr* address, socklen_t length) override {
        inner_->connect(handle, address, length);
    }
    io_handle accept(io_handle handle) override { return inner_->accept(handle); }
    std::size_t recv(io_handle handle, std::span<std::byte> into) override { return inner_->recv(handle, into); }
    std::optional<std::size_t> try_recv(io_handle handle, std::span<std::byte> into) override {
        return inner_->try_recv(handle, into);
    }
    std::size_t send(io_handle handle, std::span<const iovec> pieces) override { return inner_->send(handle, pieces); }
    std::optional<std::size_t> try_send(io_handle handle, std::span<const iovec> pieces) override {
        return inner_->try_send(handle, pieces);
    }
    std::size_t recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from, socklen_t* length) override {
        return inner_->recv_from(handle, into, from, length);
    }
    std::optional<std::size_t> try_recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                             socklen_t* length) override {
        return inner_->try_recv_from(handle, into, from, length);
    }
    void send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) override {
        inner_->send_to(handle, pieces, to, length);
    }
    bool try_send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) override {
        return inner_->try_send_to(handle, pieces, to, length);
    }
    std::optional<std::size_t> send_file(io_handle handle, int file, std::uint64_t offset, std::size_t count) override {
        return inner_->send_file(handle, file, offset, count);
    }
    void wait_readable(io_handle handle) override { inner_->wait_readable(handle); }
    void wait_writable(io_handle handle) override { inner_->wait_writable(handle); }

    io_handle watch(int fd, io_watcher& watcher) override { return inner_->watch(fd, watcher); }
    bool arm(io_handle handle, bool readable, bool writable) noexcept override {
        return inner_->arm(handle, readable, writable);
    }
    void release(io_handle handle) noexcept override { inner_->release(handle); }

private:
    std::unique_ptr<io_driver> inner_;
};

}  // namespace crocus::testing
