// The epoll driver: edge-triggered, each descriptor registered once, when somebody first has to wait for it.
#pragma once

#include "readiness.hpp"

namespace crocus {

class epoll_driver final : public readiness_driver {
public:
    epoll_driver();
    ~epoll_driver() override;

    [[nodiscard]] std::string_view name() const noexcept override { return "epoll"; }
    void poll(time_point until) override;

private:
    void begin_waiting(io_handle handle, const entry& e) override;
    bool begin_watching(io_handle handle, const entry& e) noexcept override;
    bool watch_for(io_handle handle, const entry& e) noexcept override;
    void end_watching(io_handle handle, const entry& e) noexcept override;
    void dispatch(std::uint64_t tag, std::uint32_t events) noexcept;

    int epoll_;
};

}  // namespace crocus
