// A queue between threads and loops.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/block_pool.hpp>
#include <crocus/detail/channel_state.hpp>
#include <crocus/error.hpp>

namespace crocus {

/// What queue is within a loop, between any number of threads: items go from those who put to those who get, first in,
/// first out.
///
/// Who waits in a green thread suspends that alone, whatever its loop; a thread without a loop blocks. Those who wait
/// are served strictly in the order in which they came, whichever threads they are on, and nobody takes an item, or a
/// place, on the way to them. Who has been served keeps that: a cancellation that comes before it goes on is delivered
/// at its next wait, and a time limit that passes changes nothing. What is on the way to a loop that ends goes to the
/// next one.
///
/// Virtual time (testing.hpp) does not stand still for who waits here: it may be another task that is to put.
///
/// Thread: any.
/// Cost:   nothing is taken from the heap, but for timers, once as much has been on its way before
template <class T>
class channel {
public:
    using value_type = T;
    class iterator;

    /// For so many items at most; 0: without a limit.
    explicit channel(std::size_t capacity = 0, std::source_location made = std::source_location::current()) noexcept
        : state_(capacity, &destroy, made) {}

    /// Requires: nobody waits in it. Items that are left are destroyed.
    ~channel() = default;

    /// Adds an item. An rvalue is still the caller's where this throws.
    ///
    /// Suspends: while it is full
    /// Throws:   queue_shut_down   it was shut down, before or meanwhile
    ///           cancelled_error   the task was cancelled: the item was not put
    ///           cannot_suspend    called in a loop callback, and it is full
    template <class Item = T>
    requires std::convertible_to<Item, T>
    void put(Item&& item) {
        held<Item> own = std::forward<Item>(item);
        static_cast<void>(put_or_return(own, [this](pending& p) { return state_.put(p.item); }));
    }

    /// Adds an item if there is room; never suspends. If there is none, an rvalue is still the caller's.
    ///
    /// Throws: queue_shut_down
    template <class Item = T>
    requires std::convertible_to<Item, T>
    [[nodiscard]] bool try_put(Item&& item) {
        held<Item> own = std::forward<Item>(item);
        if (full() && !is_shut_down()) return false;
        return put_or_return(own, [this](pending& p) { return state_.try_put(p.item); });
    }

    /// Adds an item unless the time passes first: the loop's, on a thread without one the clock's. If it does, an
    /// rvalue is still the caller's.
    ///
    /// Suspends, Throws: as put()
    template <class Item = T>
    requires std::convertible_to<Item, T>
    [[nodiscard]] bool put_until(time_point deadline, Item&& item) {
        held<Item> own = std::forward<Item>(item);
        return put_or_return(own, [this, &deadline](pending& p) { return state_.put(p.item, &deadline); });
    }
    template <class Item = T>
    requires std::convertible_to<Item, T>
    [[nodiscard]] bool put_for(duration limit, Item&& item) {
        return put_until(detail::channel_state::time_after(limit), std::forward<Item>(item));
    }

    /// Takes the oldest item.
    ///
    /// Suspends: while it is empty
    /// Throws:   queue_shut_down   it was shut down, before or meanwhile, and is empty
    ///           cancelled_error   the task was cancelled; no item was taken
    ///           cannot_suspend    called in a loop callback, and it is empty
    T get() {
        pending p;
        require_open(state_.get(p.item));
        return std::move(p.value());
    }

    /// Never suspends. Nothing if there is none.
    ///
    /// Throws: queue_shut_down
    [[nodiscard]] std::optional<T> try_get() {
        return get_if([this](pending& p) { return state_.try_get(p.item); });
    }

    /// Takes the oldest item, or nothing if the time passes first.
    ///
    /// Suspends, Throws: as get()
    [[nodiscard]] std::optional<T> get_for(duration limit) {
        return get_until(detail::channel_state::time_after(limit));
    }
    [[nodiscard]] std::optional<T> get_until(time_point deadline) {
        return get_if([this, &deadline](pending& p) { return state_.get(p.item, &deadline); });
    }

    /// No item is put any more: who waits to do so gets queue_shut_down. The items that are there can still be got,
    /// then who gets has queue_shut_down too; `immediately` destroys them. (Q13)
    void shutdown(bool immediately = false) noexcept { state_.shut_down(immediately); }
    [[nodiscard]] bool is_shut_down() const noexcept { return state_.is_shut_down(); }

    /// As it was at some time during the call.
    [[nodiscard]] std::size_t size() const noexcept { return state_.size(); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] bool full() const noexcept { return capacity() != 0 && size() >= capacity(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return state_.capacity(); }

    /// `for (T& item : channel)` gets until the channel is shut down and empty.
    ///
    /// Suspends, Throws: as get(), but at the end
    [[nodiscard]] iterator begin() { return iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    using outcome = detail::channel_state::outcome;
    /// An rvalue is referred to until it is put.
    template <class Item>
    using held = std::conditional_t<std::same_as<Item, T>, T&&, T>;

    struct node : detail::channel_item {
        explicit node(T&& of) : value(std::move(of)) {}
        static void* operator new(std::size_t) { return detail::allocate_block<sizeof(node), alignof(node)>(); }
        static void operator delete(void* block) noexcept { detail::free_block<sizeof(node), alignof(node)>(block); }
        T value;
    };
    static void destroy(detail::channel_item* item) noexcept { delete static_cast<node*>(item); }

    /// An item that is in no channel, or none.
    struct pending {
        pending() noexcept = default;
        explicit pending(T&& of) : item(new node(std::move(of))) {}
        pending(const pending&) = delete;
        pending& operator=(const pending&) = delete;
        ~pending() { reset(); }

        void reset() noexcept { destroy(std::exchange(item, nullptr)); }
        [[nodiscard]] T& value() const noexcept { return static_cast<node*>(item)->value; }

        detail::channel_item* item = nullptr;
    };

    static void require_open(outcome o) {
        if (o == outcome::shut_down) [[unlikely]]
            throw queue_shut_down("the channel was shut down");
    }

    static void give_back(T& to, pending& p) {
        if constexpr (std::is_move_assignable_v<T>) {
            to = std::move(p.value());
        } else {
            static_assert(std::is_nothrow_move_constructible_v<T>,
                          "an item that cannot be assigned must move without fear");
            std::destroy_at(&to);
            std::construct_at(&to, std::move(p.value()));
        }
    }
    template <class Put>
    bool put_or_return(T& item, Put put) {
        pending p(std::move(item));
        outcome o;
        try {
            o = put(p);
        } catch (...) {
            if (p.item != nullptr) give_back(item, p);
            throw;
        }
        if (o == outcome::done) return true;
        give_back(item, p);
        require_open(o);
        return false;
    }
    template <class Get>
    std::optional<T> get_if(Get get) {
        pending p;
        const outcome o = get(p);
        require_open(o);
        if (o == outcome::not_now) return std::nullopt;
        return std::move(p.value());
    }

    detail::channel_state state_;
};

/// A single pass over what comes.
template <class T>
class channel<T>::iterator {
public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(channel& of) : channel_(&of) { ++*this; }
    iterator(iterator&& other) noexcept : channel_(other.channel_) { std::swap(item_.item, other.item_.item); }
    iterator& operator=(iterator&& other) noexcept {
        channel_ = other.channel_;
        std::swap(item_.item, other.item_.item);
        return *this;
    }

    [[nodiscard]] T& operator*() const noexcept { return item_.value(); }
    iterator& operator++() {
        item_.reset();
        static_cast<void>(channel_->state_.get(item_.item));
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.item_.item == nullptr; }

private:
    channel* channel_;
    pending item_;
};

}  // namespace crocus
