#include <crocus/detail/timer_heap.hpp>

namespace crocus::detail {

bool timer_heap::before(const timer& a, const timer& b) noexcept {
    return a.when != b.when ? a.when < b.when : a.number_ < b.number_;
}

void timer_heap::place(std::size_t at, timer& t) noexcept {
    heap_[at] = &t;
    t.place_ = at;
}

void timer_heap::add(timer& t) {
    heap_.push_back(&t);
    t.number_ = added_++;
    t.place_ = heap_.size() - 1;
    sift_up(t.place_);
}

void timer_heap::remove(timer& t) noexcept {
    if (!t.armed()) return;
    const std::size_t at = t.place_;
    t.place_ = timer::not_armed;
    timer& last = *heap_.back();
    heap_.pop_back();
    if (&last == &t) return;
    place(at, last);
    sift_up(at);
    sift_down(last.place_);
}

timer* timer_heap::take_due(time_point now) noexcept {
    if (heap_.empty() || heap_.front()->when > now) return nullptr;
    timer* const t = heap_.front();
    remove(*t);
    return t;
}

void timer_heap::sift_up(std::size_t at) noexcept {
    timer& t = *heap_[at];
    while (at != 0) {
        const std::size_t parent = (at - 1) / 2;
        if (!before(t, *heap_[parent])) break;
        place(at, *heap_[parent]);
        at = parent;
    }
    place(at, t);
}

void timer_heap::sift_down(std::size_t at) noexcept {
    timer& t = *heap_[at];
    for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
        if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
        if (!before(*heap_[child], t)) break;
        place(at, *heap_[child]);
        at = child;
    }
    place(at, t);
}

}  // namespace crocus::detail
