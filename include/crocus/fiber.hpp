// The switch: flows of control, each on a stack of its own.
#pragma once

#include <cfenv>
#include <cstddef>
#include <cstdint>

#include <crocus/config.hpp>
#include <crocus/detail/switch.hpp>
#include <crocus/detail/this_thread.hpp>
#include <crocus/stack.hpp>

namespace crocus {

class fp_scope;

namespace detail {
/// A flow of control as sanitizers know it. Always there, so that plain and sanitized programs share one layout.
struct sanitizer_flow {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* fake_stack = nullptr;
    void* tsan = nullptr;
    unsigned valgrind_stack = 0;
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
/// Rounding mode and the other floating-point controls belong to the thread; see fp_scope.
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
    [[nodiscard]] static fiber& current() noexcept {
        fiber* const running = detail::this_thread().running;
        return running != nullptr ? *running : of_thread();
    }

    /// Leaves the running fiber and enters this one. Returns when somebody enters the running fiber again.
    ///
    /// Requires: this fiber was made or left, and is not running on any thread.
    /// Cost:     1 to 2 nanoseconds, inline
    [[gnu::always_inline]] void enter() noexcept {
        detail::thread_state& t = detail::this_thread();
        if (special(t)) [[unlikely]]
            enter_specially();
        else
            enter_on(t);
    }

    // --------------------------------------------------------- the parts of enter(), for flows that come back to each other

    /// True if leaving the running fiber takes more than a switch: while it handles an exception, or one unwinds it; inside
    /// an fp_scope; at a thread's first switch; and always under a sanitizer, or over Boost.Context. What is to be seen to
    /// when it is entered again, it sees to itself.
    [[nodiscard]] static bool special(const detail::thread_state& t) noexcept {
        return (reinterpret_cast<std::uintptr_t>(t.exceptions->caught) | t.exceptions->uncaught) != 0;
    }

    /// enter(), where special(t) is false. Returns the fiber that was left for this one, if it was left by entering.
    [[gnu::always_inline]] fiber& enter_on(detail::thread_state& t) noexcept {
        fiber& from = *t.running;
        t.running = this;
        return reinterpret_cast<fiber&>(detail::switch_context(from.context_, context_));  // its first member
    }

    /// enter(), where special(t) is true. Returns the same.
    fiber& enter_specially() noexcept;

    /// Leaves the running fiber for good and enters `next`, where `after(argument)` runs first. It may destroy the fiber
    /// that was left, and give back its stack.
    [[noreturn]] static void exit_to(fiber& next, void (*after)(void* argument) noexcept, void* argument) noexcept;

    /// Says whether whoever enters it next does so while an exception unwinds: in a destructor, say, that resumes a
    /// generator. The exception state itself is each fiber's own.
    void set_entered_in_unwinding(bool yes) noexcept { entered_in_unwinding_ = yes; }
    [[nodiscard]] bool entered_in_unwinding() const noexcept { return entered_in_unwinding_; }

    /// True if an exception unwinds this fiber's stack, or one that waits for this fiber to come back. This fiber must be
    /// the running one.
    [[nodiscard]] bool unwinding() const noexcept;

    /// Its stack; none for a thread's own flow.
    [[nodiscard]] const stack& on() const noexcept { return stack_; }

private:
    friend class fp_scope;

    fiber() noexcept;  // a thread's own flow
    static fiber& of_thread() noexcept;
    void leave(fiber& to, bool for_good) noexcept;
    void jump(fiber& to) noexcept;
    static fiber& arrive() noexcept;
    [[noreturn]] static void start() noexcept;

    detail::saved_context context_;         // while it is left; the first member
    detail::exception_globals exceptions_;  // the same
    bool entered_in_unwinding_ = false;
    stack stack_;
    body run_ = nullptr;
    void* argument_ = nullptr;
    fp_scope* floating_point_ = nullptr;  // the outermost
    detail::sanitizer_flow seen_;
};

/// Until its end the calling flow has a floating-point environment (rounding mode, traps, flags) of its own: what it sets
/// stays set while others run, and they do not see it. The end brings back the environment of the beginning.
///
/// Without one these belong to the thread: who changes them must not let anybody else run before they are changed back.
///
/// Cost: each switch in or out of a flow inside one costs some tens of nanoseconds more
class CROCUS_EXPORT fp_scope {
public:
    fp_scope() noexcept;
    fp_scope(const fp_scope&) = delete;
    fp_scope& operator=(const fp_scope&) = delete;
    ~fp_scope();

private:
    friend class fiber;

    void exchange() noexcept;

    fiber& owner_;
    std::fenv_t others_;  // the environment of the beginning; in a flow's outermost scope, while it is left: the flow's
};

}  // namespace crocus
