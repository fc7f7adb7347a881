// Where tasks wait for each other (asyncio.Barrier).
#pragma once

#include <cstddef>
#include <optional>
#include <source_location>
#include <string>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// Lets tasks pass in parties of a fixed size, again and again.
///
/// The last one that a party needs lets all of it pass at once: those who come next are of the next party, also before
/// all of this one have run. A task that is cancelled, or whose time is up, while it waits, leaves, and breaks nothing.
/// (Q9)
///
/// Thread: the loop's own.
class CROCUS_EXPORT barrier {
public:
    /// `made` is for reports.
    ///
    /// Throws: std::invalid_argument   a party of none
    explicit barrier(std::size_t parties, std::source_location made = std::source_location::current());

    /// Returns the caller's place in its party: 0 for the first that came, parties() - 1 for the last.
    ///
    /// Suspends: until the party is complete
    /// Throws:   broken_barrier    the barrier was broken before or meanwhile, or reset meanwhile
    ///           cancelled_error   the caller is not of the party
    ///           cannot_suspend    called in a loop callback
    std::size_t arrive_and_wait();

    /// The same, for `d` at most; nothing if that passed first: the caller is not of the party then.
    [[nodiscard]] std::optional<std::size_t> arrive_and_wait_for(duration d);
    [[nodiscard]] std::optional<std::size_t> arrive_and_wait_until(time_point deadline);

    /// Those who wait get broken_barrier; the barrier is as new, also if it was broken.
    void reset() noexcept;

    /// Breaks it: those who wait, and all who come until reset(), get broken_barrier.
    void abort() noexcept;

    [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
    /// How many wait for their party to be complete (n_waiting).
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    [[nodiscard]] bool broken() const noexcept { return broken_; }

    /// "barrier [filling, 1/3]" (Q15)
    [[nodiscard]] std::string to_string() const;

private:
    class arrival;

    [[nodiscard]] std::optional<std::size_t> pass_until(std::optional<time_point> deadline);
    std::size_t complete() noexcept;
    void turn_away() noexcept;

    detail::wait_subject self_;
    wait_queue waiters_{self_};
    const std::size_t parties_;
    std::size_t waiting_ = 0;
    std::size_t passed_ = 0;  // of the party that is let through just now
    bool turning_away_ = false;
    bool broken_ = false;
};

}  // namespace crocus
