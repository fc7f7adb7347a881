// The driver over poll(2): the kernel remembers nothing, and is told at each wait of all that somebody waits for. It is
// here to keep the interface honest, and for systems without epoll.
#pragma once

#include <vector>

#include <poll.h>
#include <sys/types.h>

#include "readiness.hpp"

namespace crocus {

class poll_driver final : public readiness_driver {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "poll"; }
    void poll(time_point until) override;

private:
    void begin_waiting(io_handle, const entry&) override {}
    bool begin_watching(io_handle handle, const entry& e) noexcept override;
    bool watch_for(io_handle handle, const entry& e) noexcept override;
    void end_watching(io_handle, const entry&) noexcept override {}
    void ask(io_handle handle, const entry& e);
    void dispatch(io_handle handle, short events) noexcept;

    /// Of the file behind a watched descriptor: tells another one that has its number now.
    struct file_identity {
        dev_t device;
        ino_t number;
        friend bool operator==(const file_identity&, const file_identity&) = default;
    };
    [[nodiscard]] static bool identify(int fd, file_identity& file) noexcept;
    [[nodiscard]] bool is_watched_file(io_handle handle, const entry& e) const noexcept;

    std::vector<file_identity> watched_;  // by slot
    std::vector<pollfd> asked_;
    std::vector<io_handle> asked_for_;  // whose each of them is
};

}  // namespace crocus
