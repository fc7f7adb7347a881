// Locks of threads that are held where a task waits: a debugging aid, in a library of its own.
//
// std::mutex, pthread_mutex_t and the guards of function-local statics belong to threads. A task that waits while it
// holds one leaves it held for every other task of its thread: who wants it then blocks the thread that would give it
// back. In debug mode each such wait is reported to the loop's exception handler, with the places where the lock was
// taken and where the task waits. Who wants a static that a waiting task initializes waits for that, as a task.
//
//     LD_PRELOAD=libcrocus_lock_check.so CROCUS_DEBUG=1 ./program       or link it: b2's target is crocus_lock_check
#pragma once

#include <string>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/event_loop.hpp>

namespace crocus {

/// A lock that the calling flow holds.
struct held_lock {
    const void* address;    // of the mutex, or of the static's guard
    const char* kind;       // "mutex", "static"
    std::string locked_at;  // "push < handle_client < main": the calls, the innermost first
};

/// What the calling task, or thread, has locked and not unlocked since debug mode was on.
///
/// Requires: the program is linked with crocus_lock_check.
[[nodiscard]] CROCUS_EXPORT std::vector<held_lock> held_locks();

}  // namespace crocus
