// Permits (asyncio.Semaphore), for limiting how many do something at once.
#pragma once

#include <cstddef>
#include <source_location>
#include <string>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// A number of permits that tasks take and give back.
///
///     const crocus::semaphore::permit held(connections);   // one, until the end of the scope
///
/// Strictly first come, first served: a released permit goes to the task that has waited longest, and nobody can take
/// it on the way. A task that is cancelled after its permit was handed over has it, and is cancelled at its next wait.
/// (Q7)
///
/// Thread: the loop's own.
class CROCUS_EXPORT semaphore {
public:
    class permit;

    /// `made` is for reports.
    ///
    /// Throws: std::invalid_argument   fewer than none
    explicit semaphore(std::ptrdiff_t permits, std::source_location made = std::source_location::current());

    /// Takes a permit.
    ///
    /// Suspends: while there is none
    /// Throws:   cancelled_error   no permit was taken
    ///           cannot_suspend    called in a loop callback
    [[gnu::always_inline]] void acquire() {
        detail::check_can_suspend();
        if (!try_acquire()) waiters_.wait();
    }

    /// Takes a permit if there is one.
    [[nodiscard]] bool try_acquire() noexcept {
        if (permits_ == 0) return false;
        --permits_;
        return true;
    }

    /// Takes a permit, unless `d` passes first. False if that did.
    ///
    /// Suspends, Throws: as acquire()
    [[nodiscard]] bool try_acquire_for(duration d);
    [[nodiscard]] bool try_acquire_until(time_point deadline);

    /// Gives a permit back, or adds one.
    void release() noexcept {
        if (waiters_.empty())
            ++permits_;
        else
            waiters_.notify_one();
    }

    /// So many. Throws std::invalid_argument for fewer than none.
    void release(std::ptrdiff_t count);

    /// How many can be taken without waiting.
    [[nodiscard]] std::size_t available() const noexcept { return permits_; }

    /// True if acquire() would suspend.
    [[nodiscard]] bool locked() const noexcept { return permits_ == 0; }

    /// "semaphore [unlocked, value:3]" (Q15)
    [[nodiscard]] std::string to_string() const;

    /// For select: those who wait for a permit. Who is notified has one.
    [[nodiscard]] wait_queue& waiters() noexcept { return waiters_; }

private:
    friend class bounded_semaphore;

    detail::wait_subject self_;
    std::size_t permits_;  // none while somebody waits
    wait_queue waiters_{self_};
};

/// Takes a permit where it is made, and gives it back at the end of its scope.
class semaphore::permit {
public:
    /// Suspends, Throws: as acquire()
    explicit permit(semaphore& of) : of_(of) { of_.acquire(); }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    ~permit() { of_.release(); }

private:
    semaphore& of_;
};

/// A semaphore that never has more permits than in the beginning: to give back more than was taken is an error. (Q8)
class CROCUS_EXPORT bounded_semaphore : private semaphore {
public:
    explicit bounded_semaphore(std::ptrdiff_t permits, std::source_location made = std::source_location::current());

    using semaphore::acquire;
    using semaphore::available;
    using semaphore::locked;
    using semaphore::to_string;
    using semaphore::try_acquire;
    using semaphore::try_acquire_for;
    using semaphore::try_acquire_until;

    /// Throws: usage_error   all were there already
    void release();

    /// A semaphore like others, for who takes one: semaphore::permit, select. Its own release() looks at no bound.
    [[nodiscard]] semaphore& base() noexcept { return *this; }

private:
    const std::size_t most_;
};

}  // namespace crocus
