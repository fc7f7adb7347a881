// The part of a channel that knows no item type: who waits, and for what.
#pragma once

#include <cstddef>
#include <mutex>
#include <source_location>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/posted_wait.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// An item on its way from one thread to another.
struct channel_item {
    channel_item* next = nullptr;
};

/// Items, and two lines of those who wait: to get one, while there is none, or to put one, while it is full. Who comes
/// first in its line is handed what it waits for by whoever has that, under the lock, and woken after it: it has it
/// then, whatever else comes to it meanwhile. Only a loop that has ended cannot pass it on: it is the next one's then.
///
/// Thread: any.
class CROCUS_EXPORT channel_state {
public:
    enum class outcome : unsigned char { done, not_now, shut_down };
    using destroyer = void (*)(channel_item*) noexcept;

    channel_state(std::size_t capacity, destroyer destroy, const std::source_location& made) noexcept
        : capacity_(capacity), destroy_(destroy), getting_{"channel (get)", made}, putting_{"channel (put)", made} {}
    channel_state(const channel_state&) = delete;
    channel_state& operator=(const channel_state&) = delete;
    ~channel_state() { destroy_all(first_); }

    /// Once it is done the item is the channel's, and `item` null; also if something is thrown after that.
    outcome try_put(channel_item*& item);
    /// Waits until it is; not_now: `deadline` came first, if there is one.
    outcome put(channel_item*& item, const time_point* deadline = nullptr);

    /// Once it is done the item is the caller's. Requires: `item` is null.
    outcome try_get(channel_item*& item);
    outcome get(channel_item*& item, const time_point* deadline = nullptr);

    void shut_down(bool immediately) noexcept;
    [[nodiscard]] bool is_shut_down() const noexcept;
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// In the time of who calls.
    [[nodiscard]] static time_point time_after(duration d) noexcept;

private:
    class waiter;
    class green_waiter;
    class plain_waiter;

    struct line {
        waiter* first = nullptr;
        waiter* last = nullptr;
    };
    using guard = std::unique_lock<std::mutex>;

    outcome perform(line& in, channel_item*& item, const time_point* deadline);
    outcome attempt(line& in, channel_item*& item);
    outcome attempt(const guard& locked, line& in, channel_item*& item, posted_wake& wake) noexcept;
    void deliver(channel_item& item, posted_wake& wake) noexcept;
    void append(channel_item& item) noexcept;
    void give_back(channel_item& item) noexcept;
    outcome block(line& in, channel_item*& item, const time_point* deadline);
    outcome suspend(line& in, channel_item*& item, const time_point* deadline);
    void destroy_all(channel_item* first) noexcept;

    const std::size_t capacity_;  // 0: unlimited
    const destroyer destroy_;
    const wait_subject getting_;
    const wait_subject putting_;

    mutable std::mutex
        mutex_;  // guards all that follows, and the waiters; never held while somebody is woken in a loop
    channel_item* first_ = nullptr;
    channel_item* last_ = nullptr;
    std::size_t size_ = 0;
    line getters_;  // nobody, unless it is empty
    line putters_;  // nobody, unless it is full
    bool shut_down_ = false;
    bool at_once_ = false;
};

}  // namespace crocus::detail
