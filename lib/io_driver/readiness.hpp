// What the drivers have in common whose kernel says when a descriptor is ready: a system call is tried first, and who
// gets EAGAIN parks until then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <crocus/io_driver.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

class readiness_driver : public io_driver {
public:
    readiness_driver();
    ~readiness_driver() override;
    readiness_driver(const readiness_driver&) = delete;
    readiness_driver& operator=(const readiness_driver&) = delete;

    [[nodiscard]] time_point now() noexcept final { return clock::now(); }
    void wake() noexcept final;
    [[nodiscard]] bool may_be_woken() const noexcept final;

    io_handle adopt(int fd) final;
    void close(io_handle handle) noexcept final;
    [[nodiscard]] int native(io_handle handle) const noexcept final;

    io_handle open_socket(int family, int type, int protocol) final;
    std::pair<io_handle, io_handle> open_pair(int type) final;
    void bind(io_handle handle, const sockaddr* address, socklen_t length) final;
    void listen(io_handle handle, int backlog) final;
    void shutdown(io_handle handle, int how) final;
    void local_address(io_handle handle, sockaddr* address, socklen_t* length) const final;
    void remote_address(io_handle handle, sockaddr* address, socklen_t* length) const final;

    void connect(io_handle handle, const sockaddr* address, socklen_t length) final;
    io_handle accept(io_handle handle) final;
    std::size_t recv(io_handle handle, std::span<std::byte> into) final;
    std::optional<std::size_t> try_recv(io_handle handle, std::span<std::byte> into) final;
    std::size_t send(io_handle handle, std::span<const iovec> pieces) final;
    std::optional<std::size_t> try_send(io_handle handle, std::span<const iovec> pieces) final;
    std::size_t recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from, socklen_t* length) final;
    std::optional<std::size_t> try_recv_from(io_handle handle, std::span<std::byte> into, sockaddr* from,
                                             socklen_t* length) final;
    void send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) final;
    bool try_send_to(io_handle handle, std::span<const iovec> pieces, const sockaddr* to, socklen_t length) final;
    std::optional<std::size_t> send_file(io_handle handle, int file, std::uint64_t offset, std::size_t count) final;
    void wait_readable(io_handle handle) final;
    void wait_writable(io_handle handle) final;

    io_handle watch(int fd, io_watcher& watcher) final;
    bool arm(io_handle handle, bool readable, bool writable) noexcept final;
    void release(io_handle handle) noexcept final;

protected:
    /// One direction of a descriptor. `ready`: the next system call may succeed, as far as anybody knows. It becomes
    /// false when a call says EAGAIN, and true again when the kernel says so.
    struct direction {
        wait_queue waiters;
        bool ready = true;
    };

    enum class kind : unsigned char { tcp, other_stream, messages, no_socket };

    struct entry {
        int fd = -1;
        std::uint32_t generation = 0;
        kind what = kind::no_socket;
        bool registered = false;        // the kernel was told of it
        bool read_on = false;           // a short read may have left something: the end, or what follows an urgent byte
        bool watches_input = false;     // what its watcher has asked for
        bool watches_output = false;
        io_watcher* watcher = nullptr;  // of a descriptor that is somebody else's
        direction in;
        direction out;
    };

    /// The kernel is to say when the descriptor is ready: it is about to be waited for, for the first time.
    virtual void begin_waiting(io_handle handle, const entry& e) = 0;
    /// The same for a watched one; false if it is none that can be waited for, with the reason in errno.
    virtual bool begin_watching(io_handle handle, const entry& e) noexcept = 0;
    /// What is watched for has changed. False if the descriptor has been closed.
    virtual bool watch_for(io_handle handle, const entry& e) noexcept = 0;
    virtual void end_watching(io_handle handle, const entry& e) noexcept = 0;

    /// In poll(): whoever waits for it is made ready, or told.
    static void became_ready(entry& e, bool readable, bool writable) noexcept;

    [[nodiscard]] int wake_descriptor() const noexcept { return wake_; }
    void take_wake() noexcept;

    std::vector<std::unique_ptr<entry>> entries_;  // stable addresses: queues are linked into

private:
    struct calls;

    entry& checked(io_handle handle, const char* operation) const;
    io_handle add(int fd, kind what);
    io_handle enter(int fd);
    [[nodiscard]] static kind kind_of(int family, int type) noexcept;
    [[nodiscard]] io_handle open_entry(int fd) const noexcept;
    void leave(io_handle handle) noexcept;
    void wait_for(io_handle handle, direction entry::*which, const char* operation);
    void wait_ready(io_handle handle, direction entry::*which, short events, const char* operation);
    template <class Call>
    auto try_once(io_handle handle, direction entry::*which, const char* operation, Call call);
    template <class Call>
    auto try_now(io_handle handle, direction entry::*which, const char* operation, Call call);
    template <class Call>
    auto retry(io_handle handle, direction entry::*which, const char* operation, Call call);

    int wake_;
    std::size_t registered_ = 0;  // descriptors that are waited for, or were, and watched ones
    std::vector<std::uint32_t> free_slots_;
    std::vector<std::uint32_t> slot_of_;  // of each descriptor that has, or had, an entry
};

}  // namespace crocus
