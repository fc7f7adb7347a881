#include <crocus/queue.hpp>

#include <algorithm>
#include <limits>

#include <crocus/error.hpp>

namespace crocus::detail {

queue_gate::queue_gate(const char* kind, std::size_t capacity, std::source_location made) noexcept
    : slots_(capacity != unlimited ? capacity : std::numeric_limits<std::size_t>::max()),
      capacity_(capacity),
      whole_{kind, made},
      item_{"an item of a queue", made},
      slot_{"room in a queue", made} {}

bool queue_gate::claim_slot_until(time_point deadline) {
    check_can_suspend();
    if (try_claim_slot()) return true;
    if (!putters_.wait_until(deadline)) return false;
    if (shut_down_) throw_takes_no_more();
    return true;
}

bool queue_gate::claim_item_until(time_point deadline) {
    check_can_suspend();
    if (try_claim_item_while_open()) return true;
    wait_queue::parked w;
    if (!getters_.wait_until(w, deadline)) return false;
    if (!w.was_notified() || emptied_) throw_has_nothing_left();
    return true;
}

bool queue_gate::claim_item_unless_over() {
    check_can_suspend();
    if (try_claim_item()) return true;
    if (shut_down_) return false;
    wait_queue::parked w;
    getters_.wait(w);
    return w.was_notified() && !emptied_;
}

void queue_gate::task_done() {
    if (unfinished_ == 0) throw usage_error("task_done() was called more often than items were put");
    if (--unfinished_ == 0) joiners_.notify_all();
}

bool queue_gate::join_until(time_point deadline) {
    check_can_suspend();
    return unfinished_ == 0 || joiners_.wait_until(deadline);
}

/// What was promised is counted anew: a slot to nobody, an item to who was promised it unless all are dropped.
void queue_gate::shut_down(std::size_t stored, bool dropped) noexcept {
    const std::size_t all_slots = capacity_ != unlimited ? capacity_ : std::numeric_limits<std::size_t>::max();
    shut_down_ = true;
    slots_ = all_slots - stored;
    if (dropped) {
        emptied_ = true;
        items_ = 0;
        slots_ = all_slots;
        const bool work_left = unfinished_ != 0;
        unfinished_ -= std::min(unfinished_, stored);
        if (work_left && unfinished_ == 0) joiners_.notify_all();
    }
    putters_.refuse_all();
    getters_.refuse_all();
}

void queue_gate::throw_takes_no_more() { throw queue_shut_down("the queue was shut down: it takes nothing more"); }

void queue_gate::throw_has_nothing_left() { throw queue_shut_down("the queue was shut down, and has nothing left"); }

std::string queue_gate::to_string() const {
    std::string text = std::string(whole_.kind) + " [size:" + std::to_string(items_);
    const auto add = [&text](const char* what, std::size_t count) {
        if (count != 0) text += std::string(", ") + what + ':' + std::to_string(count);
    };
    add("capacity", capacity_);
    add("getters", getters_.size());
    add("putters", putters_.size());
    add("joiners", joiners_.size());
    add("unfinished", unfinished_);
    if (shut_down_) text += ", shut down";
    return text + ']';
}

}  // namespace crocus::detail
