// The signals that a loop calls back for.
#pragma once

#include <map>

#include <crocus/detail/recurring.hpp>
#include <crocus/io_driver.hpp>

#include "../detail/signal_claim.hpp"

namespace crocus::detail {

class signal_handlers {
public:
    signal_handlers() noexcept = default;
    signal_handlers(const signal_handlers&) = delete;
    signal_handlers& operator=(const signal_handlers&) = delete;
    ~signal_handlers();

    void set(int signal, counted<recurring> callback, io_driver& wakes);
    bool remove(int signal) noexcept;

    [[nodiscard]] bool empty() const noexcept { return of_.empty(); }

    /// Makes the callbacks ready of the signals that have arrived.
    void look(event_loop& loop) noexcept;

private:
    struct handler {
        handler(int signal, io_driver& wakes) : claim(signal, wakes) {}
        signal_claim claim;
        counted<recurring> callback;
    };
    std::map<int, handler> of_;
};

}  // namespace crocus::detail
