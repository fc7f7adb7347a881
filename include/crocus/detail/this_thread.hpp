// What floor 1 and the loop keep for each thread.
#pragma once

#include <cstddef>

#include <crocus/config.hpp>
#include <crocus/detail/switch.hpp>

namespace crocus {

class agent;
class event_loop;
class fiber;

namespace detail {

class context_data;

/// The layout that the Itanium C++ ABI gives __cxa_eh_globals: the exceptions that are being handled, and how many are
/// on their way.
struct exception_globals {
    void* caught = nullptr;
    unsigned int uncaught = 0;
};

/// Free blocks of one size, chained through their first words (see block_pool).
struct block_list {
    void* head = nullptr;
    std::size_t room = 0;  // for how many more
};
inline constexpr std::size_t block_unit = 64;  // a cache line
inline constexpr std::size_t largest_block = 1024;

struct thread_state {
    fiber* running = nullptr;             // null: no fiber was used here yet
    const exception_globals* exceptions;  // the thread's; where every switch is special, ones that say so
    int* error_number = nullptr;          // its errno; null: no fiber was used here yet
    event_loop* loop = nullptr;

    // For the out-of-line switch: whom the fiber that arrives must see off.
    fiber* left = nullptr;
    void (*after)(void*) noexcept = nullptr;
    void* after_argument = nullptr;

    block_list blocks[largest_block / block_unit] = {};

    context_data* context = nullptr;  // of a thread that has no loop (context_slot)
    agent* driven = nullptr;          // the coroutine that runs, driven by hand: it waits, and not the loop's running agent
};

/// The state of the thread that calls, asked anew at each call: a flow of control may have been left since the last
/// one, and gone on elsewhere. Never keep it across a switch.
///
/// A thread_local would not do: its address counts as constant, and compilers keep it.
[[gnu::always_inline]] inline thread_state& this_thread() noexcept {
    return *static_cast<thread_state*>(thread_state_address());
}

}  // namespace detail
}  // namespace crocus
