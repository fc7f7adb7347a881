// The switch: flows of control, each on a stack of its own.
#pragma once

#include <cstddef>

#include <crocus/config.hpp>
#include <crocus/stack.hpp>

namespace crocus {

namespace detail {
/// A flow of control as sanitizers know it. Always there, so that plain and sanitized programs share one layout.
struct sanitizer_flow {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* fake_stack = nullptr;
    void* tsan = nullptr;
};
}  // namespace detail

/// A flow of control that can be left in the middle and entered again: what generators and tasks are made of.
///
/// This is the raw mechanism. It knows no scheduler and unwinds nothing; generator and task are what to use.
///
/// States: made -> running <-> left -> exited. A fiber that was made may be destroyed; one that was left may not,
/// since nobody would unwind it: its owner (a generator, a task) ends it first.
///
/// Each fiber has its own C++ exception state: it may be left inside a catch block, or in a destructor while an
/// exception unwinds, and std::current_exception and std::uncaught_exceptions are its own when it is entered again.
///
/// Thread: a fiber may be entered on another thread than before; never on two at once.
class CROCUS_EXPORT fiber {
public:
    /// The body of a fiber. It must not return or throw: it ends in exit_to().
    using body = void (*)(fiber& self, void* argument);

    /// A fiber on a stack of its own, which starts at its first entry.
    fiber(stack on, body run, void* argument) noexcept;

    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;
    ~fiber();

    /// The fiber that runs on this thread: one that was made, or the thread's own flow.
    [[nodiscard]] static fiber& current() noexcept;

    /// Leaves the running fiber and enters this one. Returns when somebody enters the running fiber again.
    ///
    /// Requires: this fiber was made or left, and is not running on any thread.
    void enter() noexcept;

    /// Leaves the running fiber for good and enters `next`, where `after(argument)` runs first. It may destroy the fiber
    /// that was left, and give back its stack.
    [[noreturn]] static void exit_to(fiber& next, void (*after)(void* argument) noexcept, void* argument) noexcept;

    /// Says whether whoever enters it next does so while an exception unwinds: in a destructor, say, that resumes a
    /// generator. The exception state itself is each fiber's own.
    void set_entered_in_unwinding(bool yes) noexcept { entered_in_unwinding_ = yes; }

    /// True if an exception unwinds this fiber's stack, or one that waits for this fiber to come back. This fiber must be
    /// the running one.
    [[nodiscard]] bool unwinding() const noexcept;

    /// Its stack; none for a thread's own flow.
    [[nodiscard]] const stack& on() const noexcept { return stack_; }

private:
    struct arrival;

    fiber() noexcept;  // a thread's own flow
    static fiber& of_thread() noexcept;
    static void start(arrival from);
    static arrival leave(fiber& from, fiber& to, bool for_good) noexcept;
    void arrive(arrival from) noexcept;

    void* context_ = nullptr;  // where to go on; null while it runs
    stack stack_;
    body run_ = nullptr;
    void* argument_ = nullptr;

    // the fiber's __cxa_eh_globals while it is left
    void* caught_exceptions_ = nullptr;
    unsigned int uncaught_exceptions_ = 0;

    bool entered_in_unwinding_ = false;

    // run by whoever is entered next, once this fiber has exited
    void (*after_)(void*) noexcept = nullptr;
    void* after_argument_ = nullptr;

    detail::sanitizer_flow seen_;
};

}  // namespace crocus
