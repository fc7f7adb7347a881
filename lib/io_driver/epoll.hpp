// The epoll driver: edge-triggered, each descriptor registered once, when somebody first has to wait for it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <crocus/io_driver.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

class epoll_driver final : public io_driver {
public:
    epoll_driver();
    ~epoll_driver() override;
    epoll_driver(const epoll_driver&) = delete;
    epoll_driver& operator=(const epoll_driver&) = delete;

    [[nodiscard]] std::string_view name() const noexcept override { return "epoll"; }
    [[nodiscard]] time_point now() noexcept override { return clock::now(); }
    void poll(time_point until) override;
    void wake() noexcept override;
    [[nodiscard]] bool may_be_woken() const noexcept override;

    io_handle adopt(int fd) override;
    void close(io_handle handle) noexcept override;
    [[nodiscard]] int native(io_handle handle) const noexcept override;

    io_handle open_socket(int family, int type, int protocol) override;
    void bind(io_handle handle, const sockaddr* address, socklen_t length) override;
    void listen(io_handle handle, int backlog) override;
    void shutdown(io_handle handle, int how) override;
    void local_address(io_handle handle, sockaddr* address, socklen_t* length) const override;
    void remote_address(io_handle handle, sockaddr* address, socklen_t* length) const override;

    void connect(io_handle handle, const sockaddr* address, socklen_t length) override;
    io_handle accept(io_handle handle) override;
    std::size_t recv(io_handle handle, std::span<std::byte> into) override;
    std::size_t send(io_handle handle, std::span<const iovec> pieces) override;
    void wait_readable(io_handle handle) override;
    void wait_writable(io_handle handle) override;

    io_handle watch(int fd, io_watcher& watcher) override;
    bool arm(io_handle handle, bool readable, bool writable) noexcept override;
    void release(io_handle handle) noexcept override;

private:
    /// One direction of a descriptor. `ready`: the next system call may succeed, as far as anybody knows. It becomes
    /// false when a call says EAGAIN, and true again at an event.
    struct direction {
        wait_queue waiters;
        bool ready = true;
    };

    struct entry {
        int fd = -1;
        std::uint32_t generation = 0;
        bool registered = false;
        bool is_tcp = false;
        bool read_on = false;  // a short read may have left something: the end, or what follows an urgent byte
        io_watcher* watcher = nullptr;  // of a descriptor that is somebody else's
        direction in;
        direction out;
    };

    entry& checked(io_handle handle, const char* operation) const;
    io_handle add(int fd, bool is_tcp);
    io_handle enter(int fd);
    [[nodiscard]] io_handle open_entry(int fd) const noexcept;
    void leave(io_handle handle) noexcept;
    void wait_for(io_handle handle, direction entry::*which, const char* operation);
    void register_once(io_handle handle, entry& e);
    void dispatch(std::uint64_t tag, std::uint32_t events) noexcept;
    template <class Call>
    auto retry(io_handle handle, direction entry::*which, const char* operation, Call call);

    int epoll_;
    int wake_;
    std::size_t registered_ = 0;  // descriptors that epoll knows, and watched ones
    std::vector<std::unique_ptr<entry>> entries_;  // stable addresses: queues are linked into
    std::vector<std::uint32_t> free_slots_;
    std::vector<std::uint32_t> slot_of_;  // of each descriptor that has, or had, an entry
};

}  // namespace crocus
