#include "task_stack.hpp"

#include <new>
#include <utility>

#include <crocus/detail/task_state.hpp>
#include <crocus/event_loop.hpp>

#include "stack_recorder.hpp"

namespace crocus::detail {

namespace {

constexpr std::size_t room = (sizeof(task_stack) + 63) / 64 * 64;

std::byte* place_on(const stack& s) noexcept { return static_cast<std::byte*>(s.top()) - room; }

}  // namespace

task_stack& task_stack::make(event_loop& loop, std::size_t size) {
    stack on(size + room);
    std::byte* const place = place_on(on);
    return *new (place) task_stack(loop, size, std::move(on));
}

task_stack::task_stack(event_loop& loop, std::size_t size, stack on) noexcept
    : loop_(loop), size_(size), fiber_(std::move(on), this, run, this) {
    fiber_.set_identity(&identity_);
}

void task_stack::run(fiber&, void* argument) noexcept {
    auto& self = *static_cast<task_stack*>(argument);
    event_loop& loop = self.loop_;
    for (;;) {
        bool alone = false;  // where stacks are measured, each task has its own
        do {
            self.identity_ = static_cast<task_agent*>(loop.running())->identity();
            loop.running()->run_to_end();
            alone = self.fiber_.recorded() || recording_stack_use.load(std::memory_order_relaxed);
        } while (!alone && loop.next_begins_here(self.size_));
        if (alone || !loop.keep_idle(self))
            loop.exit_running([](void* s) noexcept { static_cast<task_stack*>(s)->destroy(); }, argument);
        self.identity_.kind = "idle stack";
        self.identity_.name = nullptr;  // that task is gone
        loop.go_on();                   // until it is taken again
    }
}

/// It lies on its own stack, so that is given back last.
void task_stack::destroy() noexcept {
    const stack on = fiber_.release_stack();
    this->~task_stack();
}

}  // namespace crocus::detail
