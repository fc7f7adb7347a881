// The items of a queue, in one of three orders. None is lost to an exception: what is put stays with the caller, and
// what is taken in its place, where a move or a comparison throws.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace crocus::detail {

/// In a vector, which would give no reference to one.
struct kept_bool {
    bool value;
};

/// As what a T is kept: itself where it can be moved about without fear; else each has a place of its own.
template <class T>
using kept = std::conditional_t<std::same_as<T, bool>, kept_bool,
                                std::conditional_t<std::is_nothrow_move_constructible_v<T>, T, std::unique_ptr<T>>>;

template <class T>
[[nodiscard]] kept<T> keep(T&& item) {
    if constexpr (std::same_as<T, bool>)
        return {item};
    else if constexpr (std::is_nothrow_move_constructible_v<T>)
        return std::move(item);
    else
        return std::make_unique<T>(std::move(item));
}
template <class T>
[[nodiscard]] T& item_in(kept<T>& k) noexcept {
    if constexpr (std::same_as<T, bool>)
        return k.value;
    else if constexpr (std::is_nothrow_move_constructible_v<T>)
        return k;
    else
        return *k;
}

/// In the order in which they came: a ring, whose size is a power of two.
template <class T>
class fifo_items {
public:
    static constexpr const char* kind = "queue";

    fifo_items() noexcept = default;
    fifo_items(fifo_items&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)),
          room_(std::exchange(other.room_, 0)),
          first_(std::exchange(other.first_, 0)),
          end_(std::exchange(other.end_, 0)) {}
    fifo_items& operator=(fifo_items&&) = delete;
    ~fifo_items() {
        while (first_ != end_) std::destroy_at(&place(first_++));
        if (places_ != nullptr) std::allocator<kept<T>>().deallocate(places_, room_);
    }

    [[nodiscard]] std::size_t size() const noexcept { return end_ - first_; }

    void put(T&& item) {
        if (size() == room_) [[unlikely]]
            grow();
        std::construct_at(&place(end_), keep<T>(std::move(item)));
        ++end_;
    }
    /// The one that is to be taken out: its value is moved, and then it is dropped.
    ///
    /// Requires: there is one.
    [[nodiscard]] T& next() noexcept { return item_in<T>(place(first_)); }
    void drop_next() noexcept { std::destroy_at(&place(first_++)); }
    /// All of them, to be dropped.
    [[nodiscard]] fifo_items take_all() noexcept { return std::move(*this); }

private:
    [[nodiscard]] kept<T>& place(std::size_t number) const noexcept { return places_[number & (room_ - 1)]; }

    void grow() {
        constexpr std::size_t least = 8;
        fifo_items larger;
        larger.room_ = room_ == 0 ? least : 2 * room_;
        larger.places_ = std::allocator<kept<T>>().allocate(larger.room_);
        for (std::size_t i = first_; i != end_; ++i)
            std::construct_at(larger.places_ + larger.end_++, std::move(place(i)));
        std::swap(places_, larger.places_);
        std::swap(room_, larger.room_);
        std::swap(first_, larger.first_);
        std::swap(end_, larger.end_);
    }

    kept<T>* places_ = nullptr;
    std::size_t room_ = 0;
    std::size_t first_ = 0;  // both count on, and wrap around
    std::size_t end_ = 0;
};

/// The newest first.
template <class T>
class lifo_items {
public:
    static constexpr const char* kind = "lifo_queue";

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

    void put(T&& item) {
        if (items_.size() == items_.capacity()) items_.reserve(2 * items_.size() + 1);
        items_.push_back(keep<T>(std::move(item)));
    }
    [[nodiscard]] T& next() noexcept { return item_in<T>(items_.back()); }
    void drop_next() noexcept { items_.pop_back(); }
    [[nodiscard]] std::vector<kept<T>> take_all() noexcept { return std::exchange(items_, {}); }

private:
    std::vector<kept<T>> items_;
};

/// The smallest first; of equal ones any: a binary heap. std::push_heap and std::pop_heap have an item in their hands
/// while they compare: where that throws, they lose it. Here the way is found first.
template <class T, class Compare>
class heap_items {
public:
    static constexpr const char* kind = "priority_queue";

    heap_items() = default;
    explicit heap_items(Compare compare) : compare_(std::move(compare)) {}

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

    void put(T&& item) {
        std::size_t at = items_.size();
        while (at != 0 && less(item, items_[parent_of(at)])) at = parent_of(at);
        if (items_.size() == items_.capacity()) items_.reserve(2 * items_.size() + 1);
        items_.push_back(keep<T>(std::move(item)));
        for (std::size_t i = items_.size() - 1; i != at; i = parent_of(i)) swap(i, parent_of(i));
    }
    [[nodiscard]] T& next() {
        gap_ = new_place_of_last();
        return item_in<T>(items_.front());
    }
    /// Requires: next() was called.
    void drop_next() noexcept {
        const std::size_t last = items_.size() - 1;
        // The gap goes down: to each ancestor of its place in turn, from the top, the next one moves up.
        for (int depth = std::bit_width(gap_ + 1) - 2; depth >= 0; --depth)
            swap(((gap_ + 1) >> (depth + 1)) - 1, ((gap_ + 1) >> depth) - 1);
        if (gap_ != last) swap(gap_, last);
        items_.pop_back();
    }
    [[nodiscard]] std::vector<kept<T>> take_all() noexcept { return std::exchange(items_, {}); }

private:
    [[nodiscard]] static constexpr std::size_t parent_of(std::size_t at) noexcept { return (at - 1) / 2; }

    [[nodiscard]] bool less(const T& a, kept<T>& b) { return std::invoke(compare_, a, std::as_const(item_in<T>(b))); }

    /// Where the last one goes when the first is dropped.
    [[nodiscard]] std::size_t new_place_of_last() {
        const std::size_t last = items_.size() - 1;
        std::size_t at = 0;
        for (std::size_t child = 1; child < last; child = 2 * at + 1) {
            if (child + 1 < last && less(item_in<T>(items_[child + 1]), items_[child])) ++child;
            if (!less(item_in<T>(items_[child]), items_[last])) break;
            at = child;
        }
        return at;
    }

    /// Neither assignment nor std::swap: T need have neither.
    void swap(std::size_t i, std::size_t j) noexcept {
        kept<T> other(std::move(items_[i]));
        std::destroy_at(&items_[i]);
        std::construct_at(&items_[i], std::move(items_[j]));
        std::destroy_at(&items_[j]);
        std::construct_at(&items_[j], std::move(other));
    }

    std::vector<kept<T>> items_;
    std::size_t gap_ = 0;
    [[no_unique_address]] Compare compare_{};
};

}  // namespace crocus::detail
