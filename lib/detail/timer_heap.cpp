#include <crocus/detail/timer_heap.hpp>

#include <algorithm>

namespace crocus::detail {

void timer_heap::make_slots() {
    const auto old = static_cast<std::uint32_t>(slots_.size());
    slots_.resize(std::max<std::size_t>(2 * slots_.size(), 16));
    for (auto n = static_cast<std::uint32_t>(slots_.size()); n-- != old;) release(n);
}

/// It cannot be found in the heap without knowing where each entry is, which would have to be kept up with every move.
void timer_heap::leave_behind(std::uint32_t of) noexcept {
    slots_[of].what = nullptr;
    ++left_behind_;
    drop_first_left_behind();
    if (left_behind_ > 64 && left_behind_ > heap_.size() / 2) sweep();
}

void timer_heap::sweep() noexcept {
    std::erase_if(heap_, [this](const entry& e) {
        const bool dead = slots_[e.slot].what == nullptr;
        if (dead) release(e.slot);
        return dead;
    });
    left_behind_ = 0;
    for (std::size_t at = heap_.size() / children + 1; at-- != 0;)
        if (at < heap_.size()) sift_down(at);
}

timer* timer_heap::take_due(time_point now) noexcept {
    if (heap_.empty() || heap_.front().when > now) return nullptr;
    timer* const t = slots_[heap_.front().slot].what;
    t->slot_ = timer::not_armed;
    take_out_first();
    drop_first_left_behind();
    if (!heap_.empty()) __builtin_prefetch(slots_[heap_.front().slot].what);  // it may well be due, too
    return t;
}

/// Each time that an entry comes to the front, so that the first one is always a timer's.
void timer_heap::drop_first_left_behind() noexcept {
    for (; left_behind_ != 0 && slots_[heap_.front().slot].what == nullptr; --left_behind_) take_out_first();
}

void timer_heap::take_out_first() noexcept {
    release(heap_.front().slot);
    heap_.front() = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(0);
}

void timer_heap::sift_up(std::size_t at) noexcept {
    const entry e = heap_[at];
    for (; at != 0 && e.before(heap_[parent_of(at)]); at = parent_of(at)) heap_[at] = heap_[parent_of(at)];
    heap_[at] = e;
}

void timer_heap::sift_down(std::size_t at) noexcept {
    const entry e = heap_[at];
    for (std::size_t first = children * at + 1; first < heap_.size(); first = children * at + 1) {
        const std::size_t end = std::min(first + children, heap_.size());
        std::size_t least = first;
        for (std::size_t child = first + 1; child < end; ++child)
            if (heap_[child].before(heap_[least])) least = child;
        if (!heap_[least].before(e)) break;
        heap_[at] = heap_[least];
        at = least;
    }
    heap_[at] = e;
}

}  // namespace crocus::detail
