#include "debug_descriptor.hpp"

#include <mutex>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <crocus/detail/generator_state.hpp>
#include <crocus/detail/task_state.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

// These classes have bases and access of every kind. Both compilers lay them out as the C++ ABI says, and none has a
// virtual base, so their members do have offsets.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace crocus::detail {

namespace {

constexpr std::uint32_t number(std::size_t n) { return static_cast<std::uint32_t>(n); }

constexpr std::uint32_t processor =
#if defined(__x86_64__)
    1;
#elif defined(__aarch64__)
    2;
#else
    0;
#endif

}  // namespace

/// The friend of what it describes.
struct debug_layout {
    static constexpr debug_descriptor describe() {
        constexpr std::size_t context = offsetof(fiber, context_);
        constexpr std::size_t word = sizeof(void*);  // what a saved context consists of, on every processor
        debug_descriptor d{};
        d.version = 3;
        for (std::size_t i = 0; i != sizeof d.magic; ++i) d.magic[i] = "crocusDB"[i];
        d.size = sizeof d;
        d.processor = processor;
        d.entry = &fiber::start;

        d.chunk_older = offsetof(stack_chunk, older);
        d.chunk_begin = offsetof(stack_chunk, begin);
        d.chunk_next = offsetof(stack_chunk, next);
        d.chunk_slot_bytes = offsetof(stack_chunk, slot_bytes);
        d.guard_bytes = number(stack::guard_size);
        d.slot_reserved = number(slot_reserved);
        d.slot_colours = number(slot_colours);
        d.slot_colour_bytes = number(slot_colour_bytes);
        d.link_fiber = offsetof(stack_link, next);
        d.thread_next = offsetof(thread_flow, next);
        d.thread_own = offsetof(thread_flow, own);
        d.thread_state = offsetof(thread_flow, state);
        d.thread_number = offsetof(thread_flow, number);
        d.state_running = offsetof(thread_state, running);

        d.fiber_sp = number(context);
        d.fiber_pc = number(context + word);
        d.fiber_fp = number(context + 2 * word);
        d.fiber_bx = number(context + 3 * word);
        d.fiber_top = number(offsetof(fiber, stack_) + offsetof(stack, top_));
        d.fiber_size = number(offsetof(fiber, stack_) + offsetof(stack, size_));
        d.fiber_argument = offsetof(fiber, argument_);
        d.fiber_identity = offsetof(fiber, identity_);
        d.identity_kind = offsetof(flow_identity, kind);
        d.identity_name = offsetof(flow_identity, name);
        d.identity_site = offsetof(flow_identity, site);
        d.identity_number = offsetof(flow_identity, number);
        d.site_file = 0;  // as the compilers build them: a pointer to file, function, line
        d.site_line = number(2 * word);
        d.text_data = 0;
        d.text_size = number(word);

        d.loop_running = offsetof(event_loop, running_);
        d.loop_tasks = offsetof(event_loop, tasks_) + offsetof(agent_list, first_);
        d.loop_main = offsetof(event_loop, main_);
        d.agent_next = offsetof(green_agent, next_task);
        d.agent_flow = offsetof(green_agent, flow);
        d.agent_parked = offsetof(green_agent, parked_);
        d.agent_waiter = offsetof(agent, waiting_);
        d.agent_name = offsetof(task_agent, name_);
        d.agent_number = offsetof(task_agent, number_);
        d.agent_outcome = offsetof(task_agent, outcome_);
        d.waiter_queue = offsetof(waiter, queue_);
        d.outcome_queue = offsetof(future_state, done_);
        d.outcome_site = offsetof(future_state, site_);
        d.generator_resumer = offsetof(generator_state, resumer_);
        d.generator_status = offsetof(generator_state, phase_);
        d.generator_running = static_cast<std::uint32_t>(generator_state::phase::running);
        d.generator_delegate = offsetof(generator_state, delegate_);
        d.generator_root = offsetof(generator_state, root_);
        return d;
    }
};

namespace {

constinit std::mutex threads_mutex;

/// A key's destructor runs after those of all thread_local objects, in which fibers may still run.
void forget_thread(void* listed) noexcept {
    auto& t = *static_cast<thread_flow*>(listed);
    const std::scoped_lock lock(threads_mutex);
    (t.previous != nullptr ? t.previous->next : crocus_debug_v1.threads) = t.next;
    if (t.next != nullptr) t.next->previous = t.previous;
}

}  // namespace

void list_thread(const fiber& own) noexcept {
    static pthread_key_t key;
    static const bool can_be_forgotten = ::pthread_key_create(&key, &forget_thread) == 0;
    constinit thread_local thread_flow listed;
    if (!can_be_forgotten || ::pthread_setspecific(key, &listed) != 0) return;
    listed.own = &own;
    listed.state = &this_thread();
    listed.number = ::syscall(SYS_gettid);
    const std::scoped_lock lock(threads_mutex);
    listed.next = crocus_debug_v1.threads;
    if (listed.next != nullptr) listed.next->previous = &listed;
    crocus_debug_v1.threads = &listed;
}

}  // namespace crocus::detail

extern "C" {
constinit crocus::detail::debug_descriptor crocus_debug_v1 = crocus::detail::debug_layout::describe();
}
