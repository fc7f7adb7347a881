// Owned descriptors.
#pragma once

#include <cstdint>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io_driver.hpp>

namespace crocus {

/// A descriptor of a loop's driver, closed with its owner.
///
/// Closing it wakes everybody who waits on it with closed_error. A number that the kernel uses again never reaches those
/// who waited on the old one.
///
/// Thread: the loop's own. One that is destroyed after its loop was closed with it.
class CROCUS_EXPORT fd {
public:
    /// None.
    fd() noexcept = default;

    /// Takes over `native`, an open descriptor, for the calling thread's loop, and makes it non-blocking.
    ///
    /// Throws: std::system_error   it is not open
    explicit fd(int native);

    /// Takes over a handle of the calling thread's loop's driver.
    explicit fd(io_handle handle);

    fd(fd&& other) noexcept
        : loop_id_(other.loop_id_), driver_(other.driver_), handle_(std::exchange(other.handle_, {})) {}
    fd& operator=(fd&& other) noexcept {
        if (this != &other) {
            close();
            loop_id_ = other.loop_id_;
            driver_ = other.driver_;
            handle_ = std::exchange(other.handle_, {});
        }
        return *this;
    }
    ~fd() { close(); }

    /// Idempotent.
    void close() noexcept;
    /// The same; a connection is reset.
    void abort() noexcept;

    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(handle_) && alive(); }

    /// The kernel's number; -1 if it is closed.
    [[nodiscard]] int native() const noexcept;

    /// Suspends: until a read would not block
    /// Throws:   closed_error, cancelled_error
    void wait_readable() const { driver().wait_readable(handle_); }
    /// The same for a write.
    void wait_writable() const { driver().wait_writable(handle_); }

    /// Throws: closed_error   there is none, or its loop is gone
    [[nodiscard]] io_driver& driver() const {
        if (!is_open()) [[unlikely]]
            throw_closed();
        return *driver_;
    }
    [[nodiscard]] io_handle handle() const noexcept { return handle_; }

private:
    [[nodiscard]] bool alive() const noexcept {
        const event_loop* const loop = event_loop::current_if_any();
        return loop != nullptr && loop->id() == loop_id_;
    }
    [[noreturn, gnu::cold]] void throw_closed() const;

    std::uint64_t loop_id_ = 0;
    io_driver* driver_ = nullptr;
    io_handle handle_;
};

/// A new pipe: the end that is read, and the end that is written. A stream can be made of each.
///
/// Throws: std::system_error   no descriptor is left
CROCUS_EXPORT std::pair<fd, fd> make_pipe();

}  // namespace crocus
