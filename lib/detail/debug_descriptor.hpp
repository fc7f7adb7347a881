// What debuggers are told: where the stacks and the threads' own flows are, and where in each what they need lies.
#pragma once

#include <cstddef>
#include <cstdint>

#include <crocus/config.hpp>
#include <crocus/fiber.hpp>

#include "stack_slot.hpp"

namespace crocus::detail {

/// A thread that has used fibers, until it ends.
struct thread_flow {
    thread_flow* next = nullptr;
    thread_flow* previous = nullptr;
    const fiber* own = nullptr;  // its own flow
    const thread_state* state = nullptr;
    std::int64_t number = 0;  // the kernel's
};

/// Lists the calling thread, whose own flow this is.
void list_thread(const fiber& own) noexcept;

/// What the name of its symbol stands for: these fields, in this order, with this meaning; more may only be appended,
/// and `size` tells. `version` is raised whenever a number in it changes, which test/fiber/debug_descriptor.cpp sees
/// to.
///
/// X_y is the offset of y in an X. A fiber's kind is the text "task", "generator", "event loop", "with_big_stack" or
/// "idle stack"; its argument is then a generator's state, or an event loop.
struct debug_descriptor {
    char magic[8];
    std::uint32_t version;
    std::uint32_t size;
    std::uint32_t processor;  // 1: x86-64, 2: AArch64, 0: another
    std::uint32_t mechanism;  // 1: the inline switch, 2: Boost.Context, 0: nobody has chosen yet
    stack_chunk* chunks;      // the newest
    thread_flow* threads;
    void (*entry)();  // where a fiber that has not started will, if the switch is inline

    std::uint32_t chunk_older, chunk_begin, chunk_next, chunk_slot_bytes;
    std::uint32_t guard_bytes;  // the lowest of a slot
    // link = end of the slot - slot_reserved - (begin of the slot / slot_bytes) % slot_colours * slot_colour_bytes
    std::uint32_t slot_reserved, slot_colours, slot_colour_bytes;
    std::uint32_t link_fiber;  // plus one
    std::uint32_t thread_next, thread_own, thread_state, thread_number, state_running;
    std::uint32_t fiber_sp, fiber_pc, fiber_fp, fiber_bx, fiber_top, fiber_size, fiber_argument, fiber_identity;
    std::uint32_t identity_kind, identity_name, identity_site, identity_number;  // a name is a pointer to a text, or 0
    std::uint32_t site_file, site_line;                                          // of what a site points to
    std::uint32_t text_data, text_size;
    std::uint32_t loop_running, loop_tasks, loop_main;  // pointers to agents: the running one, the first task, the main
    std::uint32_t agent_next, agent_flow, agent_parked, agent_waiter, agent_name, agent_number, agent_outcome;
    std::uint32_t waiter_queue, outcome_queue, outcome_site;
    std::uint32_t generator_resumer, generator_status, generator_running;
    std::uint32_t generator_delegate, generator_root;  // states: of yield.from; by way of which it was entered, or 0
};

}  // namespace crocus::detail

extern "C" {
/// Found by its name, from outside the process.
extern CROCUS_EXPORT crocus::detail::debug_descriptor crocus_debug_v1;
}
