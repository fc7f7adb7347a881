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

// By all flows of a thread; more are not watched. Statics have room of their own: who wants one must find its owner.
constexpr std::size_t most_mutexes = 64;
constexpr std::size_t most_statics = 32;
constexpr std::size_t most_frames = 12;

struct held {
    const void* lock;
    const void* owner;
    bool reported;
    unsigned times;  // of a recursive mutex
    std::size_t frame_count;
    std::array<void*, most_frames> frames;
};

template <std::size_t most>
struct held_list {
    std::array<held, most> place;
    std::size_t count;

    std::span<held> all() noexcept { return std::span(place).first(count); }

    /// The newest with that lock.
    held* find(const void* lock) noexcept {
        for (std::size_t i = count; i != 0; --i)
            if (place[i - 1].lock == lock) return &place[i - 1];
        return nullptr;
    }
    [[nodiscard]] bool full() const noexcept { return count == most; }
    void add(const held& h) noexcept { place[count++] = h; }
    void unlock(held& h) noexcept {
        if (--h.times != 0) return;
        std::copy(&h + 1, place.data() + count, &h);
        --count;
    }
};

// Without constructor and destructor: mutexes are locked before the first, and after the last.
struct thread_locks {
    held_list<most_mutexes> mutexes;
    held_list<most_statics> statics;
    bool busy;
};
constinit thread_local thread_locks here{};

/// What is done meanwhile locks no mutex that is noted, but once more those that are.
class busy {
public:
    busy() noexcept : before_(here.busy) { here.busy = true; }
    ~busy() { here.busy = before_; }
    busy(const busy&) = delete;
    busy& operator=(const busy&) = delete;

private:
    const bool before_;
};

const char* name_of(kind k) noexcept { return k == kind::mutex ? "mutex" : "static"; }

std::string site_of(const held& h) { return detail::names_of(std::span(h.frames).first(h.frame_count)); }

/// A main flow may have locked something before its loop was made.
bool holds(const held& h, const event_loop& loop, const detail::green_agent& who) noexcept {
    if (h.owner == static_cast<const agent*>(&who)) return true;
    return h.owner == &detail::this_thread() && &who == &const_cast<event_loop&>(loop).main_agent() &&
           !loop.run_by_somebody();
}

void report(event_loop& loop, const detail::green_agent& who, kind what, const held& h) {
    const std::string text =
        what == kind::mutex
            ? who.describe() +
                  " waits while it holds a mutex of the thread's: whoever wants that on this thread blocks all "
                  "of its tasks. Let go of it before, or use a crocus::mutex"
            : who.describe() +
                  " waits while it initializes a function-local static: whoever wants that on this thread "
                  "waits for it. Initialize it without waiting";
    loop.call_exception_handler(
        {text + ". Locked in: " + site_of(h) + ". Waits in: " + detail::names_of_callers(), nullptr, who.made_at()});
}

/// The handler may lock and unlock: where the next one is must be looked up.
void report_new(event_loop& loop, const detail::green_agent& who, kind what, auto& locks) {
    const auto is_new = [&](const held& h) { return !h.reported && holds(h, loop, who); };
    while (true) {
        const std::span all = locks.all();
        const auto h = std::ranges::find_if(all, is_new);
        if (h == all.end()) return;
        h->reported = true;
        const held copy = *h;
        const busy reporting;
        report(loop, who, what, copy);
    }
}

void observe(event_loop& loop, const detail::green_agent& who) noexcept {
    report_new(loop, who, kind::mutex, here.mutexes);
    report_new(loop, who, kind::static_guard, here.statics);
}

void add(auto& locks, const void* lock, const void* site) noexcept {
    if (locks.full()) return;
    const busy noting;
    held h{lock, current_owner(), false, 1, 0, {}};
    std::array<void*, most_frames + 8> frames;
    const auto found = std::span(frames).first(fiber::frames_of_caller(frames));
    const auto first = std::find(found.begin(), found.end(), site);
    h.frame_count = std::min<std::size_t>(static_cast<std::size_t>(found.end() - first), most_frames);
    std::copy_n(first, h.frame_count, h.frames.begin());
    locks.add(h);
}

void forget_in(auto& locks, const void* lock) noexcept {
    if (held* const h = locks.find(lock)) locks.unlock(*h);
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

bool watching() noexcept { return detail::debug_mode_in_use.load(std::memory_order_relaxed); }

void note(kind what, const void* lock, const void* site) noexcept {
    if (what == kind::static_guard) return add(here.statics, lock, site);
    held* const again = here.mutexes.find(lock);
    if (again != nullptr && (here.busy || again->owner == current_owner()))
        ++again->times;
    else if (!here.busy)
        add(here.mutexes, lock, site);
}

void forget(kind what, const void* lock) noexcept {
    what == kind::mutex ? forget_in(here.mutexes, lock) : forget_in(here.statics, lock);
}

const void* initializer_of(const void* guard) noexcept {
    const held* const h = here.statics.find(guard);
    return h != nullptr ? h->owner : nullptr;
}

}  // namespace lock_check

std::vector<held_lock> held_locks() {
    using namespace lock_check;
    std::vector<held_lock> mine;
    const busy listing;
    const auto list = [&](kind what, auto& locks) {
        for (const held& h : locks.all())
            if (h.owner == current_owner()) mine.push_back({h.lock, name_of(what), site_of(h)});
    };
    list(kind::mutex, here.mutexes);
    list(kind::static_guard, here.statics);
    return mine;
}

}  // namespace crocus
