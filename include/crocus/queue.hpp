// Queues between tasks (asyncio.Queue, LifoQueue, PriorityQueue).
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/queue_gate.hpp>
#include <crocus/detail/queue_items.hpp>
#include <crocus/event_loop.hpp>

namespace crocus {

/// In place of a capacity: as many as there are.
inline constexpr std::size_t unlimited = 0;

/// A queue of items, in the order that Items gives them: see queue, lifo_queue and priority_queue below.
///
/// Strictly first come, first served: an item that is put is promised to who has waited longest, and a slot that gets
/// free likewise; nobody can take it on the way. Which item that is, is decided when it is taken, by the queue's order.
/// Who was promised one is no longer waiting: a cancellation or a time limit comes too late, and is met at its next
/// wait. So no item and no slot is lost. (Q10, Q11)
///
/// It is also a range, of one pass, that takes each item out, waits for the next one, and ends when the queue was shut
/// down and has nothing left:
///
///     for (auto& item : queue) use(item);
///
/// Requires: T's moves and the comparison do not wait, nor use the queue; nobody has been promised anything that he has
///           not taken when it is destroyed
/// Thread:   the loop's own
/// Cost:     memory is asked for while it grows, and kept; for a T whose moves may throw, for each item
template <class T, class Items>
class basic_queue {
    static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>, "a queue holds values: try a pointer");

public:
    using value_type = T;
    class iterator;

    /// A capacity of 0: unlimited.
    explicit basic_queue(std::size_t capacity = unlimited,
                         std::source_location made = std::source_location::current()) noexcept
        : gate_(Items::kind, capacity, made) {}
    /// A priority_queue's.
    template <class Compare>
        requires std::constructible_from<Items, Compare>
    basic_queue(std::size_t capacity, Compare compare, std::source_location made = std::source_location::current())
        : gate_(Items::kind, capacity, made), items_(std::move(compare)) {}
    basic_queue(const basic_queue&) = delete;
    basic_queue& operator=(const basic_queue&) = delete;

    /// Adds an item. An rvalue is still the caller's where that throws; of an lvalue a copy is made before.
    ///
    /// Suspends: while the queue is full; first come, first served
    /// Throws:   queue_shut_down   before or meanwhile
    ///           cancelled_error;  what making, moving or comparing the item throws
    template <class Item = T>
        requires std::convertible_to<Item, T>
    [[gnu::always_inline]] void put(Item&& item) {
        held<Item> own = std::forward<Item>(item);
        gate_.claim_slot();
        store(std::move(own));
    }

    /// Adds an item if there is room (put_nowait). If not, an rvalue is still the caller's.
    ///
    /// Throws: as put, but for cancelled_error
    template <class Item = T>
        requires std::convertible_to<Item, T>
    [[nodiscard]] bool try_put(Item&& item) {
        held<Item> own = std::forward<Item>(item);
        if (!gate_.try_claim_slot()) return false;
        store(std::move(own));
        return true;
    }

    /// Adds an item unless the time passes first. If it does, an rvalue is still the caller's.
    ///
    /// Suspends, Throws: as put
    template <class Item = T>
        requires std::convertible_to<Item, T>
    [[nodiscard]] bool put_until(time_point deadline, Item&& item) {
        held<Item> own = std::forward<Item>(item);
        if (!gate_.claim_slot_until(deadline)) return false;
        store(std::move(own));
        return true;
    }
    template <class Item = T>
        requires std::convertible_to<Item, T>
    [[nodiscard]] bool put_for(duration limit, Item&& item) {
        return put_until(event_loop::current().time_after(limit), std::forward<Item>(item));
    }

    /// Removes and returns the next item.
    ///
    /// Suspends: while there is none; first come, first served
    /// Throws:   queue_shut_down   the queue was shut down, and nothing is left
    ///           cancelled_error   no item was taken
    ///           what moving the item, or comparing it, throws: it stays where it is
    [[gnu::always_inline]] T get() {
        gate_.claim_item();
        return take();
    }

    /// Removes and returns the next item, if there is one that was promised to nobody (get_nowait).
    ///
    /// Throws: as get, but for cancelled_error
    [[nodiscard]] std::optional<T> try_get() {
        if (!gate_.try_claim_item_while_open()) return std::nullopt;
        return take<std::optional<T>>();
    }

    /// Removes and returns the next item, or nothing if the time passes first.
    ///
    /// Suspends, Throws: as get
    [[nodiscard]] std::optional<T> get_until(time_point deadline) {
        if (!gate_.claim_item_until(deadline)) return std::nullopt;
        return take<std::optional<T>>();
    }
    [[nodiscard]] std::optional<T> get_for(duration limit) {
        return get_until(event_loop::current().time_after(limit));
    }

    /// As many as try_get() would give, one after the other.
    [[nodiscard]] std::size_t size() const noexcept { return gate_.items(); }
    /// True if get() would wait, or throw.
    [[nodiscard]] bool empty() const noexcept { return gate_.items() == 0; }
    /// True if put() would wait. (Q14)
    [[nodiscard]] bool full() const noexcept { return gate_.slots() == 0; }
    [[nodiscard]] std::size_t capacity() const noexcept { return gate_.capacity(); }

    /// What was taken out has been seen to. (Q12)
    ///
    /// Throws: usage_error   it was called for every item already
    void task_done() { gate_.task_done(); }

    /// Waits until task_done() has been called for every item, in the queue or taken out.
    ///
    /// Suspends: until then; items that are put after that do not matter
    /// Throws:   cancelled_error
    [[gnu::always_inline]] void join() { gate_.join(); }
    /// The same; false if the time passes first.
    [[nodiscard]] bool join_until(time_point deadline) { return gate_.join_until(deadline); }
    [[nodiscard]] bool join_for(duration limit) { return join_until(event_loop::current().time_after(limit)); }

    /// From here on put() throws queue_shut_down, and so does get() when nothing is left: those too who wait, or were
    /// promised a slot. `immediately` drops what is left, promised items too, as if it had been seen to. (Q13)
    void shutdown(bool immediately = false) {
        gate_.shut_down(items_.size(), immediately);
        if (immediately) [[maybe_unused]]
            const auto dropped = items_.take_all();
    }
    [[nodiscard]] bool is_shut_down() const noexcept { return gate_.is_shut_down(); }

    /// Suspends, Throws: as get, but for queue_shut_down: that is the end
    [[nodiscard]] iterator begin() { return iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// "queue [size:2, capacity:5, unfinished:3]" (Q15)
    [[nodiscard]] std::string to_string() const { return gate_.to_string(); }

    // ---------------------------------------------------------------------------- for select: not for application code

    [[nodiscard]] detail::queue_gate& gate() noexcept { return gate_; }

    /// Requires: a slot was claimed.
    template <class Item>
    void store(Item&& item) {
        try {
            held<Item> own = std::forward<Item>(item);
            items_.put(std::move(own));
        } catch (...) {
            gate_.give_slot();
            throw;
        }
        gate_.fill_slot();
    }
    /// Requires: an item was claimed.
    template <class Result = T>
    [[nodiscard]] Result take() {
        taking now{*this};
        Result item(std::move(items_.next()));
        now.done = true;
        return item;
    }
    void take_into(std::optional<T>& result) {
        taking now{*this};
        result.emplace(std::move(items_.next()));
        now.done = true;
    }

private:
    /// It stays where it is unless it is moved out.
    struct taking {
        basic_queue& of;
        bool done = false;
        ~taking() {
            if (done) {
                of.items_.drop_next();
                of.gate_.give_slot();
            } else {
                of.gate_.give_item();
            }
        }
    };
    /// An rvalue is referred to until it is stored.
    template <class Item>
    using held = std::conditional_t<std::is_lvalue_reference_v<Item>, T, Item&&>;

    detail::queue_gate gate_;
    Items items_;
};

/// Where a loop over a queue is: it has the item. An input iterator.
template <class T, class Items>
class basic_queue<T, Items>::iterator {
public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    [[nodiscard]] T& operator*() const noexcept { return *item_; }
    [[nodiscard]] T* operator->() const noexcept { return &*item_; }

    /// Suspends, Throws: as basic_queue::begin
    iterator& operator++() {
        step();
        return *this;
    }
    void operator++(int) { step(); }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return !it.item_; }

private:
    friend class basic_queue;
    explicit iterator(basic_queue& of) : of_(&of) { step(); }

    void step() {
        item_.reset();
        if (of_->gate_.claim_item_unless_over()) of_->take_into(item_);
    }

    basic_queue* of_;
    mutable std::optional<T> item_;
};

/// First in, first out (asyncio.Queue).
template <class T>
using queue = basic_queue<T, detail::fifo_items<T>>;

/// The newest item first (asyncio.LifoQueue).
template <class T>
using lifo_queue = basic_queue<T, detail::lifo_items<T>>;

/// The smallest item first, of equal ones any (asyncio.PriorityQueue).
template <class T, class Compare = std::less<>>
using priority_queue = basic_queue<T, detail::heap_items<T, Compare>>;

}  // namespace crocus
