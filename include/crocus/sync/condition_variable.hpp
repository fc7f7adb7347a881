// Waiting, with a mutex given up meanwhile, until something has changed (asyncio.Condition).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <source_location>
#include <stop_token>
#include <string>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/error.hpp>
#include <crocus/stop.hpp>
#include <crocus/sync/mutex.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// std::condition_variable_any for green threads: a lock is whatever has lock() and unlock(), in most cases a
/// std::unique_lock<crocus::mutex>.
///
/// Each wait unlocks, and has the lock again when it ends, however it ends: a cancellation that arrives while the lock
/// is waited for is held meanwhile. Those who wait are notified in their order. One that was notified has been: if it
/// is cancelled before it runs, wait() returns, and the next wait is cancelled. So no notification is lost. (Q4, Q5,
/// Q6)
///
/// Green threads switch only where they wait: where nothing between the look and the change waits, no lock is needed,
/// and an event or a queue says more.
///
/// Thread: the loop's own.
class CROCUS_EXPORT condition_variable {
public:
    /// `made` is for reports.
    explicit condition_variable(std::source_location made = std::source_location::current()) noexcept
        : self_{"condition_variable", made} {}

    /// Suspends: until notified, and then until the lock is free
    /// Throws:   cancelled_error   the lock is held again
    ///           usage_error       the lock is not held
    ///           cannot_suspend    called in a loop callback
    template <class Lock>
    void wait(Lock& lock) {
        unlocked(lock, [this] { waiters_.wait(); });
    }

    /// Until the predicate holds, which is looked at with the lock held, first before anything else.
    /// (Condition.wait_for)
    template <class Lock, class Predicate>
    void wait(Lock& lock, Predicate predicate) {
        while (!predicate()) wait(lock);
    }

    /// Until notified, or the time is up.
    template <class Lock>
    std::cv_status wait_until(Lock& lock, time_point deadline) {
        bool notified = false;
        unlocked(lock, [&] { notified = waiters_.wait_until(deadline); });
        return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
    }
    template <class Lock>
    std::cv_status wait_for(Lock& lock, duration d) {
        return wait_until(lock, event_loop::current().time_after(d));
    }

    /// Until the predicate holds, or the time is up. Returns what the predicate says then.
    template <class Lock, class Predicate>
    bool wait_until(Lock& lock, time_point deadline, Predicate predicate) {
        while (!predicate())
            if (wait_until(lock, deadline) == std::cv_status::timeout) return predicate();
        return true;
    }
    template <class Lock, class Predicate>
    bool wait_for(Lock& lock, duration d, Predicate predicate) {
        return wait_until(lock, event_loop::current().time_after(d), std::move(predicate));
    }

    /// Until the predicate holds, or somebody, of any thread, asks `stop` to. Returns what the predicate says then.
    template <class Lock, class Predicate>
    bool wait(Lock& lock, const std::stop_token& stop, Predicate predicate) {
        while (!predicate())
            if (stop.stop_requested() || !move_on_stop(stop, [&] { wait(lock); })) return predicate();
        return true;
    }

    /// Lets those go on who have waited longest: one, so many, all. They run when the lock is theirs.
    void notify_one() noexcept { waiters_.notify_one(); }
    void notify(std::size_t count) noexcept {
        while (count != 0 && waiters_.notify_one()) --count;
    }
    void notify_all() noexcept { waiters_.notify_all(); }

    /// "condition_variable [waiters:1]" (Q15)
    [[nodiscard]] std::string to_string() const;

private:
    template <class Lock, class Wait>
    [[gnu::always_inline]] void unlocked(Lock& lock, Wait wait) {
        agent::current().throw_if_cancelled();  // with the lock held all the time
        require_held(lock);
        lock.unlock();
        try {
            wait();
        } catch (...) {
            relock(lock);
            agent::current().throw_if_cancelled();  // one that came meanwhile takes the place of the first
            throw;
        }
        if (!try_relock(lock)) relock(lock);
    }

    static void require_held(const mutex& m) {
        if (!m.locked()) throw_not_held();
    }
    template <class Lock>
    static void require_held(const Lock& lock) {
        if constexpr (requires { lock.owns_lock(); })
            if (!lock.owns_lock()) throw_not_held();
    }
    [[noreturn]] static void throw_not_held();

    template <class Lock>
    static bool try_relock(Lock& lock) {
        // A std::unique_lock declares it whether or not it compiles.
        constexpr bool of_mutex = requires { lock.mutex(); };
        if constexpr (of_mutex && !requires { lock.mutex()->try_lock(); })
            return false;
        else if constexpr (requires { lock.try_lock(); })
            return lock.try_lock();
        else
            return false;
    }
    template <class Lock>
    [[gnu::noinline]] static void relock(Lock& lock) {
        defer_cancellation([&] { lock.lock(); });
    }

    detail::wait_subject self_;
    wait_queue waiters_{self_};
};

}  // namespace crocus
