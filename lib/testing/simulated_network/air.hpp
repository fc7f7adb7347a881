// What is on its way in a simulated network, what is drawn there, and what is written down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/testing/simulated_network.hpp>

#include "../../event_loop/rehearsal.hpp"

namespace crocus::testing::in_memory {

class air {
public:
    air(virtual_time_driver& time, std::uint64_t seed) noexcept
        : time_(time), begin_(time.now()), numbers_(seed ^ own_numbers) {}

    network_conditions conditions;

    [[nodiscard]] time_point now() const noexcept { return time_.now(); }

    // What cannot happen draws no number.
    [[nodiscard]] bool chance(double of) noexcept;
    [[nodiscard]] duration latency() noexcept { return between(conditions.least_latency, conditions.most_latency); }
    [[nodiscard]] duration between(duration least, duration most) noexcept;
    /// `n`, or with this chance only a part of it, at least 1.
    [[nodiscard]] std::size_t some_of(std::size_t n, double chance_of_less) noexcept;

    /// True if what arrives then need not wait for a poll().
    [[nodiscard]] bool at_once(time_point when) const noexcept { return when <= now() && !cut_; }

    enum class if_cut { waits, is_lost };
    void add(time_point when, if_cut then, std::function<void()> happens);
    void add(time_point when, std::function<void()> happens) { add(when, if_cut::waits, std::move(happens)); }

    [[nodiscard]] bool empty() const noexcept { return arrivals_.empty(); }
    /// Of the first to arrive.
    [[nodiscard]] time_point next() const noexcept {
        return arrivals_.empty() ? time_point::max() : arrivals_.front().when;
    }
    /// All that is due arrives. False if nothing is.
    bool deliver();

    void cut() noexcept { cut_ = true; }
    void heal();
    [[nodiscard]] bool is_cut() const noexcept { return cut_; }

    void set_trace(bool on) noexcept { tracing_ = on; }
    [[nodiscard]] bool tracing() const noexcept { return tracing_; }
    void note(std::string_view line);
    [[nodiscard]] const std::string& trace() const noexcept { return trace_; }

private:
    static constexpr std::uint64_t own_numbers = 0x6e6574776f726bU;  // not those that draw who runs next

    struct arrival {
        time_point when;
        std::uint64_t order;
        if_cut then;
        std::function<void()> happens;
        /// For a heap whose front is the first.
        friend bool operator<(const arrival& a, const arrival& b) noexcept {
            return a.when != b.when ? a.when > b.when : a.order > b.order;
        }
    };

    virtual_time_driver& time_;
    time_point begin_;
    detail::drawn_numbers numbers_;
    std::vector<arrival> arrivals_;
    std::vector<arrival> held_;  // what is to arrive once the network is whole again
    std::uint64_t added_ = 0;
    bool cut_ = false;
    bool tracing_ = false;
    std::string trace_;
};

}  // namespace crocus::testing::in_memory
