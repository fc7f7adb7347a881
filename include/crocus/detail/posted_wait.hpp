// How a green thread waits for what another thread does.
#pragma once

#include <optional>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

class posted_wait;

/// Ends a posted_wait, from any thread, once: who waits leaves it with those whom it waits for.
class CROCUS_EXPORT posted_wake {
public:
    /// Of nobody.
    posted_wake() noexcept = default;

    /// Nothing is allocated. Must not be called under a lock that posted_wait::loop_ended takes.
    void post() noexcept;

    [[nodiscard]] bool ends(const posted_wait& w) const noexcept;

private:
    friend class posted_wait;
    posted_wake(loop_ref loop, counted<callback> room) noexcept : loop_(std::move(loop)), room_(std::move(room)) {}

    std::optional<loop_ref> loop_;
    counted<callback> room_;
};

/// A place to wait in, of the current loop. It is posted to that loop as a whole to end the wait.
///
/// Thread: the loop's own.
class CROCUS_EXPORT posted_wait {
public:
    posted_wait(event_loop& loop, const wait_subject& subject);
    posted_wait(const posted_wait&) = delete;
    posted_wait& operator=(const posted_wait&) = delete;
    virtual ~posted_wait();

    /// To be had once.
    [[nodiscard]] posted_wake wake() const noexcept { return {loop_.ref(), room_}; }

    /// Suspends until wake() was posted, or `deadline` has come: who called finds out which.
    void wait(wait_queue::parked& as, const time_point* deadline);

    /// wake() was posted, but the loop has ended, or is another process's: nobody goes on. May come on any thread.
    virtual void loop_ended() noexcept {}

private:
    friend class posted_wake;

    event_loop& loop_;
    // Its owners are counted on the loop's thread alone: other threads only move it on.
    counted<callback> room_;
};

}  // namespace crocus::detail
