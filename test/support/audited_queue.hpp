// A queue whose books are kept: what is in it, who waited for how long, and what is still to be done. Each item is of
// another number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/error.hpp>
#include <crocus/queue.hpp>

namespace crocus::test {

inline void require(bool holds, const char* otherwise) {
    if (!holds) throw std::logic_error(otherwise);
}

/// Where the next item of a queue is among those that were put, oldest first.
inline std::size_t next_of(const queue<int>&, const std::vector<int>&) { return 0; }
inline std::size_t next_of(const lifo_queue<int>&, const std::vector<int>& items) { return items.size() - 1; }
inline std::size_t next_of(const priority_queue<int>&, const std::vector<int>& items) {
    return static_cast<std::size_t>(std::distance(items.begin(), std::ranges::min_element(items)));
}

/// Between the effect of a call and its entry in the books nobody else runs. What does not hold throws
/// std::logic_error.
template <class Queue>
class audited_queue {
public:
    /// `in_order`: tasks run first come, first served. Else who is served first may come last to the books.
    audited_queue(std::size_t capacity, bool in_order) : queue(capacity), in_order_(in_order) {}

    // ------------------------------------------------------------------------------------------------------ the
    // entries

    void stored(int item) {
        require(!queue.is_shut_down(), "an item was put after the shutdown");
        items_.push_back(item);
        ++unfinished_;
        require(queue.capacity() == 0 || items_.size() <= queue.capacity(), "more items than there is room for");
    }
    void got(int item) {
        require(!items_.empty(), "an item came from nowhere");
        const auto next = items_.begin() + static_cast<std::ptrdiff_t>(next_of(queue, items_));
        require(*next == item, "the order is wrong, or an item came twice");
        items_.erase(next);
        ++undone_;
    }

    // -------------------------------------------------------------------------------------------------------- the
    // calls

    void put(int item) {
        turn mine(putters_, in_order_ && queue.full());
        queue.put(item);
        mine.came();
        stored(item);
    }
    void put_for(duration limit, int item) {
        turn mine(putters_, in_order_ && queue.full());
        if (!queue.put_for(limit, item)) return;
        mine.came();
        stored(item);
    }
    void try_put(int item) {
        const bool others_wait = !queue.gate().putters().empty();
        if (!queue.try_put(item)) return;
        require(!others_wait, "a slot was taken from those who wait");
        stored(item);
    }
    void get() {
        turn mine(getters_, in_order_ && queue.empty());
        const int item = queue.get();
        mine.came();
        got(item);
    }
    void get_for(duration limit) {
        turn mine(getters_, in_order_ && queue.empty());
        const auto item = queue.get_for(limit);
        if (!item) return;
        mine.came();
        got(*item);
    }
    void try_get() {
        const bool others_wait = !queue.gate().getters().empty();
        const auto item = queue.try_get();
        if (!item) return;
        require(!others_wait, "an item was taken from those who wait");
        got(*item);
    }
    void get_some(unsigned count) {
        if (count == 0) return;
        for (const int item : queue) {
            got(item);
            if (--count == 0) return;
        }
        require(queue.is_shut_down() && queue.empty(), "a loop over a queue ended too early");
    }
    void task_done() {
        if (undone_ == 0) return;
        --undone_;
        if (unfinished_ == 0) return;
        if (--unfinished_ == 0) ++times_finished_;
        queue.task_done();
    }
    void join() {
        const std::size_t before = times_finished_;
        const bool waits = unfinished_ != 0;
        queue.join();
        require(!waits || times_finished_ != before, "join came back too early");
    }
    void join_for(duration limit) {
        const std::size_t before = times_finished_;
        const bool waits = unfinished_ != 0;
        if (queue.join_for(limit)) require(!waits || times_finished_ != before, "join came back too early");
    }
    void shutdown(bool immediately) {
        if (immediately) {
            const bool waits = unfinished_ != 0;
            unfinished_ -= std::min(unfinished_, items_.size());
            if (waits && unfinished_ == 0) ++times_finished_;
            items_.clear();
        }
        queue.shutdown(immediately);
    }

    // -------------------------------------------------------------------------------------------------- what must hold

    /// Whenever nobody can run.
    void examine() {
        auto& gate = queue.gate();
        require(queue.size() == items_.size(), "an item is lost, or stays promised");
        require(queue.capacity() == 0 || gate.slots() + items_.size() == queue.capacity(), "a slot is lost");
        require(gate.getters().empty() || (queue.empty() && !queue.is_shut_down()),
                "somebody waits for an item in vain");
        require(gate.putters().empty() || (queue.full() && !queue.is_shut_down()), "somebody waits for a slot in vain");
        const std::string text = queue.to_string();
        require((unfinished_ == 0) == (text.find("unfinished") == std::string::npos),
                "unfinished items are miscounted");
        require(unfinished_ != 0 || text.find("joiners") == std::string::npos, "somebody waits for a join in vain");
    }

    /// When it is shut down and all have ended: nobody is left, and what is left can be taken.
    void settle() {
        examine();
        require(queue.gate().getters().empty() && queue.gate().putters().empty(), "somebody is left");
        while (!queue.empty()) try_get();
        require(items_.empty(), "an item is lost");
        while (undone_ != 0) task_done();
        require(unfinished_ == 0 && queue.join_for(duration::zero()), "items are left to be done");
    }

    Queue queue;

private:
    /// Of those who must wait, who comes first is served first.
    struct line {
        std::size_t last = 0;
        std::size_t served = 0;
    };
    class turn {
    public:
        turn(line& in, bool counts) : in_(in), number_(counts ? ++in.last : 0) {}
        void came() {
            if (number_ == 0) return;
            require(number_ > in_.served, "who came later was served first");
            in_.served = number_;
        }

    private:
        line& in_;
        const std::size_t number_;
    };

    const bool in_order_;
    std::vector<int> items_;  // in the order in which they were put
    line putters_, getters_;
    std::size_t unfinished_ = 0;
    std::size_t undone_ = 0;  // taken out, and not done
    std::size_t times_finished_ = 0;
};

}  // namespace crocus::test
