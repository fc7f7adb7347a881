#include <crocus/detail/fork_mark.hpp>

#include <pthread.h>

#include <crocus/event_loop.hpp>

#include "signal_claim.hpp"

namespace crocus::detail {

std::atomic<unsigned> fork_mark::forks{0};

fork_mark::fork_mark() noexcept : made_after_(forks.load(std::memory_order_relaxed)) {
    static const int noticed = ::pthread_atfork(nullptr, nullptr, in_child);
    static_cast<void>(noticed);
}

/// Only the thread that forked lives on. Its loop is the parent's, and so are the kernel's objects behind it.
void fork_mark::in_child() noexcept {
    forks.fetch_add(1, std::memory_order_relaxed);
    signal_claim::give_back_all();
    event_loop::leave_to_parent();
}

}  // namespace crocus::detail
