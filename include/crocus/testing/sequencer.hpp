// The order of steps in several tasks, as a test wants it.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <source_location>

#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::testing {

/// Has steps of several tasks happen in the order of their numbers, from 0 on (trio.testing.Sequencer, O18):
///
///     crocus::testing::sequencer order;
///     crocus::gather([&] { { const auto turn = order(0); first(); }   { const auto turn = order(2); third(); } },
///                    [&] { const auto turn = order(1); second(); });
///
/// A step lasts from the call to the end of what it returned, also where it suspends. One that never comes is a
/// deadlock, which the test's loop reports.
///
/// Requires: it outlives the steps.
/// Thread:   the loop's own.
class CROCUS_EXPORT sequencer {
public:
    /// A step that is under way.
    class [[nodiscard]] step {
    public:
        step(const step&) = delete;
        step& operator=(const step&) = delete;
        ~step() { of_.end_step(); }

    private:
        friend class sequencer;
        explicit step(sequencer& of) noexcept : of_(of) {}
        sequencer& of_;
    };

    explicit sequencer(std::source_location site = std::source_location::current()) noexcept
        : subject_{"its turn in a sequencer", site} {}
    sequencer(const sequencer&) = delete;
    sequencer& operator=(const sequencer&) = delete;

    /// Suspends: until the steps before `number` have ended
    /// Throws:   usage_error       there was such a step already, or one before it was given up by a cancelled task
    ///           cancelled_error   this step is given up: those behind it get a usage_error
    step operator()(std::size_t number);

private:
    void end_step() noexcept;

    detail::wait_subject subject_;
    wait_queue changed_{subject_};
    std::set<std::size_t> taken_;
    std::size_t next_ = 0;
    std::optional<std::size_t> given_up_;  // the first of them
};

}  // namespace crocus::testing
