// Permits (asyncio.Semaphore), for limiting how many do something at once.
#pragma once

#include <cstddef>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// A number of permits that tasks take and give back.
///
/// Strictly first come, first served: a released permit goes to the task that has waited longest, and nobody can take it
/// on the way. A task that is cancelled after its permit was handed over keeps it. (Q7)
///
/// Thread: the loop's own.
class CROCUS_EXPORT semaphore {
public:
    explicit semaphore(std::size_t permits) noexcept : permits_(permits) {}

    /// Takes a permit.
    ///
    /// Suspends: while there is none
    /// Throws:   cancelled_error   no permit was taken
    void acquire();

    /// Takes a permit if there is one.
    [[nodiscard]] bool try_acquire() noexcept;

    /// Takes a permit, unless `d` passes first.
    ///
    /// Suspends, Throws: as acquire()
    [[nodiscard]] bool try_acquire_for(duration d);

    /// Gives a permit back.
    void release() noexcept;

    /// True if acquire() would suspend.
    [[nodiscard]] bool locked() const noexcept { return permits_ == 0; }

private:
    std::size_t permits_;
    wait_queue waiters_;  // never both waiters and permits
};

}  // namespace crocus
