// The descriptors whose readiness a loop tells callbacks of.
#pragma once

#include <map>

#include <crocus/detail/recurring.hpp>
#include <crocus/io_driver.hpp>

namespace crocus {
class event_loop;
}

namespace crocus::detail {

/// The callbacks of one descriptor. The driver is asked for one event at a time, and for the next when a callback
/// begins: what it leaves is found ready again.
class descriptor_watch final : public io_watcher, public recurring_source {
public:
    descriptor_watch(event_loop& loop, int fd);
    ~descriptor_watch();
    descriptor_watch(const descriptor_watch&) = delete;
    descriptor_watch& operator=(const descriptor_watch&) = delete;

    using slot = counted<recurring> descriptor_watch::*;
    counted<recurring> reader;
    counted<recurring> writer;

    /// Asks for what is waited for. False if the descriptor has been closed.
    bool arm() noexcept;

    void ready(bool readable, bool writable) noexcept override;
    bool begin_call() noexcept override { return arm(); }

private:
    event_loop& loop_;
    io_handle handle_;
};

class descriptor_watches {
public:
    explicit descriptor_watches(event_loop& loop) noexcept : loop_(loop) {}

    void set(int fd, descriptor_watch::slot which, counted<recurring> callback);
    bool remove(int fd, descriptor_watch::slot which) noexcept;

private:
    event_loop& loop_;
    std::map<int, descriptor_watch> of_;
};

}  // namespace crocus::detail
