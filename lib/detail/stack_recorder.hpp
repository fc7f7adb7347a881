// How deep stacks are used, while somebody wants to know.
#pragma once

#include <atomic>

#include <crocus/detail/flow_identity.hpp>
#include <crocus/stack.hpp>

namespace crocus::detail {

extern std::atomic<bool> recording_stack_use;

/// Makes a stack's pages untouched ones, but for those from `top` on. False if they cannot be.
bool forget_pages(const stack& s, const void* top) noexcept;

/// True if the use of this stack, which nobody stands on yet, is to be recorded when it has ended. What lies from `top`
/// on is in use already.
inline bool start_recording(const stack& s, const void* top) noexcept {
    return recording_stack_use.load(std::memory_order_relaxed) && forget_pages(s, top);
}

/// Records how much of the stack was touched since. Nobody stands on it any more. `who` may be null.
void end_recording(const stack& s, const flow_identity* who) noexcept;

}  // namespace crocus::detail
