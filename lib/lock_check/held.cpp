#include "held.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/lock_check.hpp>

#include "../detail/frame_name.hpp"

namespace crocus {

namespace lock_check {

namespace {

constexpr std::size_t most_held = 64;  // by all flows of a thread; more are not watched
constexpr std::size_t most_frames = 12;

struct held {
    const void* lock;
    const void* owner;
    kind what;
    bool reported;
    unsigned times;  // of a recursive mutex
    std::size_t frame_count;
    std::array<void*, most_frames> frames;
};

// Without constructor and destructor: mutexes are locked before the first, and after the last.
struct thread_locks {
    std::array<held, most_held> all;
    std::size_t count;
    bool busy;
};
constinit thread_local thread_locks here{};

std::span<held> all() noexcept { return std::span(here.all).first(here.count); }

/// The newest with that lock.
held* find(const void* lock) noexcept {
    for (std::size_t i = here.count; i != 0; --i)
        if (here.all[i - 1].lock == lock) return &here.all[i - 1];
    return nullptr;
}

/// What is done meanwhile locks nothing that is noted.
struct busy {
    busy() noexcept { here.busy = true; }
    ~busy() { here.busy = false; }
    busy(const busy&) = delete;
    busy& operator=(const busy&) = delete;
};

const char* name_of(kind k) noexcept { return k == kind::mutex ? "mutex" : "static"; }

std::string site_of(const held& h) { return detail::names_of(std::span(h.frames).first(h.frame_count)); }

/// A main flow may have locked something before its loop was made.
bool holds(const held& h, const event_loop& loop, const detail::green_agent& who) noexcept {
    if (h.owner == static_cast<const agent*>(&who)) return true;
    return h.owner == &detail::this_thread() && &who == &const_cast<event_loop&>(loop).main_agent() &&
           !loop.run_by_somebody();
}

void report(event_loop& loop, const detail::green_agent& who, const held& h) {
    const std::string text =
        h.what == kind::mutex
            ? who.describe() +
                  " waits while it holds a mutex of the thread's: whoever wants that on this thread blocks all "
                  "of its tasks. Let go of it before, or use a crocus::mutex"
            : who.describe() +
                  " waits while it initializes a function-local static: whoever wants that on this thread "
                  "waits for it. Initialize it without waiting";
    loop.call_exception_handler(
        {text + ". Locked in: " + site_of(h) + ". Waits in: " + detail::names_of_callers(), nullptr, who.made_at()});
}

void observe(event_loop& loop, const detail::green_agent& who) noexcept {
    for (std::size_t i = 0; i != here.count; ++i) {
        held& h = here.all[i];
        if (h.reported || !holds(h, loop, who)) continue;
        h.reported = true;
        const held copy = h;  // the handler may lock and unlock
        const busy reporting;
        report(loop, who, copy);
    }
}

[[gnu::constructor]] void install() noexcept { detail::suspension_observer = &observe; }

}  // namespace

const void* current_owner() noexcept {
    const detail::thread_state& t = detail::this_thread();
    if (t.driven != nullptr) return t.driven;
    if (t.loop == nullptr) return &t;
    const agent* const running = t.loop->running();
    return running != nullptr ? static_cast<const void*>(running) : t.loop;
}

bool watching() noexcept { return detail::debug_mode_in_use.load(std::memory_order_relaxed) && !here.busy; }

void note(kind what, const void* lock, const void* site) noexcept {
    const void* const owner = current_owner();
    if (held* const again = find(lock); again != nullptr && again->owner == owner) {
        ++again->times;
        return;
    }
    if (here.count == most_held) return;
    const busy noting;
    held& h = here.all[here.count++];
    h = {lock, owner, what, false, 1, 0, {}};
    std::array<void*, most_frames + 8> frames;
    const auto found = std::span(frames).first(fiber::frames_of_caller(frames));
    const auto first = std::find(found.begin(), found.end(), site);
    h.frame_count = std::min<std::size_t>(static_cast<std::size_t>(found.end() - first), most_frames);
    std::copy_n(first, h.frame_count, h.frames.begin());
}

bool forget(const void* lock) noexcept {
    held* const h = find(lock);
    if (h == nullptr) return false;
    if (--h->times == 0) {
        std::copy(h + 1, here.all.data() + here.count, h);
        --here.count;
    }
    return true;
}

const void* owner_of(const void* lock) noexcept {
    const held* const h = find(lock);
    return h != nullptr ? h->owner : nullptr;
}

}  // namespace lock_check

std::vector<held_lock> held_locks() {
    using namespace lock_check;
    std::vector<held_lock> mine;
    const busy listing;
    for (const held& h : all())
        if (h.owner == current_owner()) mine.push_back({h.lock, name_of(h.what), site_of(h)});
    return mine;
}

}  // namespace crocus
