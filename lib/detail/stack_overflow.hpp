// What a program says when a fiber runs over the end of its stack.
#pragma once

namespace crocus::detail {

/// From the first call on, the process reports overflows of fibers' stacks on stderr; then the handler that SIGSEGV had
/// before gets the fault, as it gets all others. One call at a time.
void report_stack_overflows() noexcept;

/// Gives the calling thread an alternate signal stack, unless it has one: on an overflowed stack no handler can run.
void make_signal_stack() noexcept;

}  // namespace crocus::detail
