// What other threads leave for a loop, and how they wake it.
#pragma once

#include <atomic>
#include <mutex>

#include <crocus/config.hpp>
#include <crocus/detail/fork_mark.hpp>
#include <crocus/io_driver.hpp>

namespace crocus::detail {

class callback;
struct runnable;
template <class T>
class counted;

/// Where the protocol relies on an order, by what is done there.
struct inbox_orders {
    static constexpr auto push = std::memory_order_seq_cst;      // a poster: here it is
    static constexpr auto see = std::memory_order_seq_cst;       // a poster: does the loop sleep?
    static constexpr auto announce = std::memory_order_seq_cst;  // the loop: it sleeps
    static constexpr auto look = std::memory_order_seq_cst;      // the loop: was anything posted?
    static constexpr auto take = std::memory_order_seq_cst;
};

/// The protocol of the sleeper and the poster. The loop says that it sleeps, then looks for posts; a poster posts, then
/// looks whether the loop sleeps. Both steps of both are sequentially consistent, so at least one sees the other's:
/// either the loop finds the post, or the poster finds the sleeper, and wakes it once.
///
/// A loop that closes says so before it takes what is there for the last time. So what is pushed after that is pushed
/// onto what that has left, and who pushes finds it closed, and discards what has come.
///
/// A template over what it is made of, so that a model can run it, in every order that there is: test/detail/inbox.cpp.
template <class Types>
class inbox_protocol {
public:
    using entry = typename Types::entry;
    using driver = typename Types::driver;

    explicit inbox_protocol(driver& d) noexcept : driver_(&d) {}
    inbox_protocol(const inbox_protocol&) = delete;
    inbox_protocol& operator=(const inbox_protocol&) = delete;

    /// Any thread. False if it is closed: `e` stays the caller's.
    bool post(entry& e) {
        if (closed_.load(std::memory_order_acquire)) return false;
        e.next = newest_.load(std::memory_order_relaxed);
        while (!newest_.compare_exchange_weak(e.next, &e, Types::push, std::memory_order_relaxed)) {
        }
        if (asleep_.exchange(false, Types::see)) wake();
        if (closed_.load(std::memory_order_relaxed)) [[unlikely]]
            Types::discard(take());
        return true;
    }

    /// Any thread.
    void wake() {
        const std::scoped_lock lock(mutex_);
        if (driver_ != nullptr) driver_->wake();
    }

    /// All that has been posted, oldest first.
    [[nodiscard]] entry* take() {
        entry* newest = newest_.exchange(nullptr, Types::take);
        entry* oldest = nullptr;
        while (newest != nullptr) {
            entry* const next = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = next;
        }
        return oldest;
    }

    /// The loop is about to block, or has returned. True if it may: nothing was posted meanwhile.
    [[nodiscard]] bool fall_asleep() {
        asleep_.store(true, Types::announce);
        if (newest_.load(Types::look) == nullptr) return true;
        wake_up();
        return false;
    }
    void wake_up() { asleep_.store(false, std::memory_order_relaxed); }

    /// The driver is not woken any more, and what was posted and not taken is discarded, as is what comes.
    void close() {
        closed_.store(true, std::memory_order_release);
        {
            const std::scoped_lock lock(mutex_);
            driver_ = nullptr;
        }
        Types::discard(take());
    }

protected:
    typename Types::template atomic<entry*> newest_{nullptr};
    typename Types::template atomic<bool> asleep_{false};
    typename Types::template atomic<bool> closed_{false};
    typename Types::mutex mutex_;  // between a wake() and the end of the driver
    driver* driver_;
};

struct inbox_types : inbox_orders {
    template <class T>
    using atomic = std::atomic<T>;
    using mutex = std::mutex;
    using entry = runnable;
    using driver = io_driver;
    static void discard(runnable* r) noexcept;
};

/// What other threads leave for a loop. It outlives the loop as long as somebody holds a loop_ref.
class inbox {
public:
    explicit inbox(io_driver& driver) noexcept : protocol_(driver) {}
    inbox(const inbox&) = delete;
    inbox& operator=(const inbox&) = delete;
    ~inbox();

    bool post(counted<callback> c) noexcept;
    void wake() noexcept;
    void close() noexcept;
    [[nodiscard]] runnable* take() noexcept;
    [[nodiscard]] bool fall_asleep() noexcept;
    void wake_up() noexcept;

private:
    inbox_protocol<inbox_types> protocol_;
    const fork_mark made_;
};

}  // namespace crocus::detail
