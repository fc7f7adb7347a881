// A stack that tasks run on, one after the other.
#pragma once

#include <cstddef>

#include <crocus/detail/flow_identity.hpp>
#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace crocus {
class event_loop;
}

namespace crocus::detail {

/// Lies at the top of that very stack, whose page the first task touches anyway. When a task ends and the next one to
/// run has not begun, it begins here: a burst of short tasks runs on one hot stack.
class task_stack {
public:
    /// A new one. Its fiber, entered, runs the loop's running agent, which has not begun.
    ///
    /// Throws: what stack's constructor throws
    static task_stack& make(event_loop& loop, std::size_t size);

    /// Requires: no task runs on it.
    void destroy() noexcept;

    [[nodiscard]] fiber& flow() noexcept { return fiber_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    task_stack* next_idle = nullptr;

    task_stack(const task_stack&) = delete;
    task_stack& operator=(const task_stack&) = delete;

private:
    task_stack(event_loop& loop, std::size_t size, stack on) noexcept;
    static void run(fiber& self, void* argument) noexcept;

    event_loop& loop_;
    const std::size_t size_;  // that was asked for
    fiber fiber_;
    flow_identity identity_{};  // of the task that runs on it
};

}  // namespace crocus::detail
