// Memory of tasks that have waited for long.
#pragma once

#include <cstddef>
#include <optional>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>

namespace crocus::detail {

class agent_list;

/// A task that once called deep and now waits holds every page that it ever touched. Once in a while the tasks of a
/// loop are looked through, and those that have been parked since the last time give back what lies below their frames.
///
/// Cost: half a microsecond for each task that has become idle, in steps of a few hundred; nothing while tasks are few
class CROCUS_EXPORT idle_sweep {
public:
    /// Something ran.
    void note_activity() noexcept { quiet_rounds_ = 0; }

    /// When the loop must not sleep longer, to go on with the sweep.
    [[nodiscard]] time_point due(const agent_list& tasks) const noexcept;

    /// Takes a step if it is due.
    void step(agent_list& tasks, time_point now) noexcept;

private:
    std::optional<time_point> next_round_;
    bool in_round_ = false;
    int quiet_rounds_ = 0;  // since something ran
};

}  // namespace crocus::detail
