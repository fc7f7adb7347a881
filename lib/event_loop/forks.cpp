// A loop after a fork: in the child it is a copy of the parent's memory over the parent's descriptors. It is left as it
// is, for ever, and what would run in it is an error.
#include <crocus/event_loop.hpp>

#include <cstdio>
#include <cstdlib>

#include <crocus/error.hpp>

namespace crocus {

namespace {
std::atomic<std::uint64_t> last_of_parent{0};
std::atomic<event_loop*> kept_of_parent{nullptr};  // findable: they are no leaks
}  // namespace

void event_loop::leave_to_parent() noexcept {
    last_of_parent = last_id.load();
    detail::thread_state& t = detail::this_thread();
    if (t.loop == nullptr) return;
    detail::context_slot context = detail::context_slot::capture();
    context.swap(t.context);
    t.loop->budget_.expire();  // whoever goes on in it comes by where that is found out
    t.loop = nullptr;
}

void event_loop::keep_of_parent(std::unique_ptr<event_loop> loop) noexcept {
    event_loop* const kept = loop.release();
    kept->next_kept_ = kept_of_parent.exchange(kept);
}

const char* event_loop::owner_of(std::uint64_t id) noexcept {
    return id <= last_of_parent ? "a loop of the process that this one was forked from" : "another thread's loop";
}

void event_loop::require_own_process() const {
    if (forked())
        throw usage_error("this event loop is that of the process that this one was forked from: use current()");
}

void event_loop::die_of_return() noexcept {
    std::fputs(
        "crocus: a process that was forked in a task or a callback has returned from it. What else its parent's "
        "loop would run is not run again here: end such a process where it begins, with _exit, exec or run\n",
        stderr);
    std::abort();
}

}  // namespace crocus
