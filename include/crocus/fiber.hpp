// The switch: flows of control, each on a stack of its own.
#pragma once

#include <cfenv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <span>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/flow_identity.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/detail/switch.hpp>
#include <crocus/detail/this_thread.hpp>
#include <crocus/stack.hpp>

namespace crocus {

class fiber;
class fp_scope;

namespace detail {
class c_call;

/// A flow of control as sanitizers know it. Always there, so that plain and sanitized programs share one layout.
struct sanitizer_flow {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* fake_stack = nullptr;
    void* tsan = nullptr;
    unsigned valgrind_stack = 0;
};

/// A part of a flow that a generator's body must not leave by a yield (PEP 789): who resumes the generator would run
/// under a scope that is not its own, a time limit say.
class CROCUS_EXPORT yield_barrier {
public:
    yield_barrier() noexcept;
    yield_barrier(const yield_barrier&) = delete;
    yield_barrier& operator=(const yield_barrier&) = delete;
    ~yield_barrier();

private:
    fiber& in_;
    const fiber* before_;
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

    /// The same, below `top`: what lies above is the caller's, and the fiber itself may lie there.
    fiber(stack&& on, void* top, body run, void* argument) noexcept;

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
    [[gnu::always_inline]] void enter() noexcept { enter(detail::this_thread()); }

    /// The same, for callers that have the thread's state at hand. Returns the fiber that was left for the one that
    /// called, if it was left by entering.
    [[gnu::always_inline]] fiber& enter(detail::thread_state& t) noexcept {
        return special(t) ? enter_specially() : enter_on(t);
    }

    // ------------------------------------------------------------------------------------------- the parts of enter()

    /// True if leaving the running fiber takes more than a switch: while it handles an exception, or one unwinds it;
    /// inside an fp_scope; at a thread's first switch; and always under a sanitizer, or over Boost.Context. What is to
    /// be seen to when it is entered again, it sees to itself.
    [[nodiscard]] static bool special(const detail::thread_state& t) noexcept {
        const bool something = (reinterpret_cast<std::uintptr_t>(t.exceptions->caught) | t.exceptions->uncaught) != 0;
        return __builtin_expect(something, false);
    }

    /// enter(t), where special(t) is false.
    [[gnu::always_inline]] fiber& enter_on(detail::thread_state& t) noexcept {
        fiber& from = *t.running;
        t.running = this;
        return reinterpret_cast<fiber&>(detail::switch_context(from.context_, context_));  // its first member
    }

    /// enter(t), where special(t) is true.
    fiber& enter_specially() noexcept;

    /// Leaves the running fiber for good and enters `next`, where `after(argument)` runs first. It may destroy the
    /// fiber that was left, and give back its stack.
    [[noreturn]] static void exit_to(fiber& next, void (*after)(void* argument) noexcept, void* argument) noexcept;

    /// Calls call(argument) on another stack, as a part of the running fiber, and rethrows what it throws: what
    /// with_big_stack is made of. `site` is where, for reports.
    static void call_on(stack on, void (*call)(void* argument), void* argument, const std::source_location& site);

    /// Says whether whoever enters it next does so while an exception unwinds: in a destructor, say, that resumes a
    /// generator. The exception state itself is each fiber's own.
    void set_entered_in_unwinding(bool yes) noexcept { entered_in_unwinding_ = yes; }
    [[nodiscard]] bool entered_in_unwinding() const noexcept { return entered_in_unwinding_; }

    /// True if an exception unwinds this fiber's stack, or one that waits for this fiber to come back. This fiber must
    /// be the running one.
    [[nodiscard]] bool unwinding() const noexcept {
        return entered_in_unwinding_ || (special(detail::this_thread()) && std::uncaught_exceptions() > 0);
    }

    /// True if the body may leave this fiber by a yield as it comes: it runs on this fiber, behind no yield_barrier, and
    /// its yields are not intercepted.
    [[nodiscard]] bool may_yield(const detail::thread_state& t) const noexcept { return t.running == yields_as_; }
    [[nodiscard]] bool behind_barrier() const noexcept { return barriers_ != 0; }
    void intercept_yields(bool yes) noexcept { yields_as_ = yes ? nullptr : this; }

    /// Says that an exception is on its way through the running fiber where the C++ runtime cannot see it: through C
    /// frames, say. Until the end it counts as unwinding, for this fiber and those that it enters. Nests.
    static void begin_unwinding() noexcept;
    static void end_unwinding() noexcept;

    /// Says who this fiber is, for reports.
    ///
    /// Requires: `identity` outlives the fiber, or the next call of this.
    void set_identity(const detail::flow_identity* identity) noexcept { identity_ = identity; }
    [[nodiscard]] const detail::flow_identity* identity() const noexcept { return identity_; }

    /// What its body was given, if that is `run`; else null.
    [[nodiscard]] void* argument_of(body run) const noexcept { return run_ == run ? argument_ : nullptr; }

    /// True if the use of its stack will be recorded (see stack_use).
    [[nodiscard]] bool recorded() const noexcept { return recorded_; }

    /// The addresses to which its frames return, the innermost first, as far as there is room. Returns how many; 0 over
    /// Boost.Context, where they cannot be found.
    ///
    /// Requires: it was left, and stays so.
    /// Cost:     some microseconds
    [[nodiscard]] std::size_t frames(std::span<void*> into) const noexcept;
    /// The same of the caller's frames.
    [[nodiscard]] static std::size_t frames_of_caller(std::span<void*> into) noexcept;

    /// Its stack; none for a thread's own flow.
    [[nodiscard]] const stack& on() const noexcept { return stack_; }

    /// Has the innermost frames fetched into the cache, for an entry soon.
    ///
    /// Requires: it was left.
    void prefetch_frames() const noexcept {
        const auto* const innermost = static_cast<const std::byte*>(context_.sp);
        for (std::size_t line = 0; line != 6; ++line) __builtin_prefetch(innermost + 64 * line);
    }

    /// Gives the pages below its frames back to the system, unless the use of its stack is recorded: they show it.
    ///
    /// Requires: it was left.
    void give_back_unused() const noexcept;

    /// Takes the stack from a fiber that has exited.
    [[nodiscard]] stack release_stack() noexcept;

private:
    friend class fp_scope;
    friend class detail::yield_barrier;
    friend struct detail::debug_layout;
    friend class detail::c_call;

    fiber() noexcept;  // a thread's own flow
    static fiber& of_thread() noexcept;
    void forget_stack() noexcept;
    void leave(fiber& to, bool for_good) noexcept;
    void jump(fiber& to) noexcept;
    static fiber& arrive() noexcept;
    [[noreturn]] static void start() noexcept;

    detail::saved_context context_;  // while it is left; the first member
    bool entered_in_unwinding_ = false;
    bool recorded_ = false;          // its stack's use
    unsigned barriers_ = 0;          // that are open
    const fiber* yields_as_ = this;  // null behind a barrier, and where yields are intercepted
    detail::exception_globals exceptions_;  // while it is left
    stack stack_;
    body run_ = nullptr;
    void* argument_ = nullptr;
    const detail::flow_identity* identity_ = nullptr;
    fp_scope* floating_point_ = nullptr;  // the outermost
    detail::c_call* c_calls_ = nullptr;   // on this stack, the innermost
    detail::sanitizer_flow seen_;
};

inline detail::yield_barrier::yield_barrier() noexcept
    : in_(fiber::current()), before_(std::exchange(in_.yields_as_, nullptr)) {
    ++in_.barriers_;
}

inline detail::yield_barrier::~yield_barrier() {
    --in_.barriers_;
    in_.yields_as_ = before_;
}

/// Calls f() on a pooled stack of at least `size` usable bytes and returns what it returns: for what goes deep where
/// the stack is small.
///
/// But for the stack it is a call like any other: f may suspend its task, may call this again, sees the exceptions that
/// its caller handles and the rounding mode that its caller set, and throws to its caller.
///
/// Suspends: where f does
/// Throws:   what f throws; what stack's constructor throws
///           wrong_fiber   f yields for a generator whose body is outside
/// Cost:     some tens of nanoseconds, where a stack of that size has been used before
template <std::invocable F>
std::invoke_result_t<F> with_big_stack(std::size_t size, F&& f,
                                       std::source_location site = std::source_location::current()) {
    using result = std::invoke_result_t<F>;
    struct {
        std::remove_reference_t<F>& f;
        detail::slot<std::conditional_t<std::is_reference_v<result>, std::add_lvalue_reference_t<result>, result>> got;
    } call{f, {}};
    const auto run = [](void* argument) {
        auto& c = *static_cast<decltype(call)*>(argument);
        if constexpr (std::is_void_v<result>) {
            std::forward<F>(c.f)();
        } else if constexpr (std::is_reference_v<result>) {
            auto&& referred = std::forward<F>(c.f)();
            c.got.set(referred);
        } else {
            c.got.set(std::forward<F>(c.f)());
        }
    };
    fiber::call_on(stack(size), run, &call, site);
    if constexpr (!std::is_void_v<result>) return static_cast<result&&>(call.got.get());
}

/// Usable bytes that are left below the caller on the stack that it runs on, a fiber's or the thread's own: what a
/// guard of a recursion asks. 0 where the stack is neither.
[[nodiscard]] CROCUS_EXPORT std::size_t stack_remaining() noexcept;

/// Until its end the calling flow has a floating-point environment (rounding mode, traps, flags) of its own: what it
/// sets stays set while others run, and they do not see it. The end brings back the environment of the beginning.
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
