// What is to happen once, however many tasks ask for it.
#pragma once

#include <functional>
#include <source_location>
#include <string>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

/// std::once_flag for call_once() with functions that suspend. A function-local static must not suspend while it is
/// made: the thread's other tasks could not tell that from a deadlock; make it in call_once.
///
/// Thread: the loop's own.
class CROCUS_EXPORT once_flag {
public:
    /// `made` is for reports.
    explicit once_flag(std::source_location made = std::source_location::current()) noexcept
        : self_{"once_flag", made} {}

    /// True once a call has returned.
    [[nodiscard]] bool called() const noexcept { return state_ == state::called; }

private:
    template <class F, class... Args>
    friend void call_once(once_flag& flag, F&& f, Args&&... args);

    enum class state : unsigned char { open, running, called };

    class run;
    [[nodiscard]] bool begin();
    void end(state s) noexcept;

    detail::wait_subject self_;
    wait_queue waiters_{self_};
    state state_ = state::open;
};

/// The call that is on the way. Unless it says that it has returned, the next one who waits calls.
class once_flag::run {
public:
    explicit run(once_flag& of) noexcept : of_(of) {}
    run(const run&) = delete;
    run& operator=(const run&) = delete;
    ~run() { of_.end(result); }

    state result = state::open;

private:
    once_flag& of_;
};

/// Calls f(args...), unless a call with this flag has returned. Where one is on the way, waits for it; if that throws,
/// or is cancelled, the next one calls.
///
/// Suspends: where f does, and while another's call is on the way
/// Throws:   what f throws;   cancelled_error   the caller was cancelled
///           usage_error      f itself calls this with the same flag
template <class F, class... Args>
void call_once(once_flag& flag, F&& f, Args&&... args) {
    if (flag.called()) return;
    if (!flag.begin()) return;
    once_flag::run run(flag);
    std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
    run.result = once_flag::state::called;
}

}  // namespace crocus
