// Coroutine objects: calls that have not started, to be awaited, made tasks of, or driven by hand.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/coroutine_state.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/stack.hpp>

namespace crocus {

template <class R = void>
class coroutine;

/// Where a coroutine stands (inspect.getcoroutinestate). One that is being awaited counts as running.
using coroutine_status = detail::generator_status;

struct coroutine_options {
    std::string name = {};                           // for reports
    std::size_t stack_size = stack::default_size();  // bytes; when awaited it has none of its own
};

/// What a coroutine that is driven by hand waits for: what its steps yield to the driver. Copies are of the same wait.
///
/// Thread: where the coroutine waits.
class CROCUS_EXPORT awaited {
public:
    /// True if it waits for something. False if it only lets others run (yield_now, sleep(0)): a bare yield. (C17, T2)
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(over_); }

    /// True if there is nothing to wait for any more: the coroutine goes on when it is sent to, or did.
    [[nodiscard]] bool done() const noexcept { return !over_ || over_->done(); }

    /// True if it waits for this future.
    template <class T>
    [[nodiscard]] bool is(const future<T>& f) const noexcept {
        return future_ && future_.get() == f.state().get();
    }

    /// await(x): waits until done(). A cancellation that ends this is the caller's alone: the coroutine keeps waiting.
    /// Where there is nothing to wait for it lets others run: yield_now().
    ///
    /// Suspends: until done()
    /// Throws:   cancelled_error;   cannot_suspend   called in a loop callback
    ///           wrong_loop   the coroutine waits in another loop
    void await() const;

    /// Calls `callback()` in the loop once it is done, soon if it is already.
    template <class F>
    handle add_done_callback(F callback, std::source_location site = std::source_location::current()) const {
        if (!over_) return event_loop::current().call_soon(std::move(callback), site);
        require_own_loop();
        return over_->add_callback(detail::make_callback(std::move(callback), site));
    }

private:
    friend class detail::coroutine_state;
    template <class>
    friend class coroutine;

    awaited() = default;
    awaited(detail::counted<detail::future_state> over, detail::counted<detail::future_state> future) noexcept
        : over_(std::move(over)), future_(std::move(future)) {}

    void require_own_loop() const;

    detail::counted<detail::future_state> over_;    // ends when the wait does; null: a bare yield
    detail::counted<detail::future_state> future_;  // that it waits for; null: something else
};

/// A call that has not started: Python's coroutine object. Nothing of it runs before somebody
///
/// - awaits it: `await(c)` is the call;
/// - makes a task of it: `create_task(c)`;
/// - or drives it by hand, without any loop:
///
///       crocus::coroutine<int> c = [] { crocus::yield_now(); return 42; };
///       auto s = c.send();              // runs until it waits: *s says for what
///       s = c.send();                   // goes on
///       s.result();                     // 42
///
/// Driven by hand it waits by giving control back to its driver, who may wait for `*s` in any way before sending again:
/// the loop's tasks are one kind of driver among others. What it calls, awaits and makes generators of belongs to it:
/// their waits come out of the same send(). A coroutine that it drives by hand itself does not.
///
/// Thread: while it waits for something, the thread of the loop that it waits in; else any, one at a time.
/// Cost:   one allocation; driven by hand a pooled stack, two switches per step, and an allocation for each wait.
template <class R>
class coroutine {
    static_assert(!std::is_rvalue_reference_v<R>, "return values or lvalue references");

    using state_type = detail::coroutine_values<R>;

public:
    using step_type = step<awaited, R>;

    /// A coroutine that will call `f()`. `site` is where it was made, for reports.
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, coroutine> && std::is_invocable_r_v<R, std::decay_t<F>&>)
    coroutine(F&& f, coroutine_options options = {},  // NOLINT: implicit, so `return [...]` works
              std::source_location site = std::source_location::current())
        : state_(new detail::coroutine_of<R, std::decay_t<F>>(std::forward<F>(f), std::move(options.name),
                                                              options.stack_size, site)) {}

    coroutine(coroutine&&) noexcept = default;
    coroutine& operator=(coroutine&&) noexcept = default;

    /// One that nobody awaited is reported to the unraisable hook, with the place where it was made (C5). One that is
    /// suspended is closed; what close() would throw goes to that hook. One that keeps waiting instead of leaving is
    /// given up with its stack. One that runs is closed when it waits next; one that waits in another loop, by that
    /// loop. A loop that ends closes those that wait in it.
    ///
    /// Suspends: while a suspended one waits as an exception unwinds it, or in defer_cancellation: what it refers to
    ///           must not go away before
    ~coroutine() = default;

    /// await(c): calls it, as a part of the caller, on the caller's stack. It suspends only if the call does. (I4, C23)
    ///
    /// Returns what it returns.
    /// Throws: what it throws (a stop_iteration as coroutine_raised_stop_iteration, G54)
    ///         coroutine_being_awaited     somebody awaits it, or it was begun by hand (C3)
    ///         coroutine_already_awaited   it has ended, or was moved from (C2)
    R await() {
        const auto s = state();
        s->run_here();
        if constexpr (!std::is_void_v<R>) return static_cast<R&&>(s->returned.get());
    }

    /// Runs it until it waits or ends (c.send(None)). The step yields what it waits for, or carries the result. As long
    /// as what it waits for has not come it keeps waiting, and the step is the same.
    ///
    /// Throws: what it throws (a stop_iteration as coroutine_raised_stop_iteration, G54)
    ///         coroutine_already_executing   it runs, or somebody awaits it
    ///         coroutine_already_awaited     it has ended, or was moved from (C2)
    ///         wrong_loop                    it waits in another loop
    ///         what stack's constructor throws, the first time: it has not begun then, and may be tried again
    step_type send() {
        const auto s = state();
        s->send();
        return take_step(*s);
    }

    /// Raises `error` where it waits, which ends the wait (c.throw(error)). If it has not begun it is closed, and the
    /// error comes straight back. Other than an exception_ptr, `error` is copied as its static type.
    ///
    /// Nothing is raised while an exception unwinds it, inside defer_cancellation, and where it has been given what it
    /// waited for (a semaphore's permit, which would be lost): it is raised at its next wait outside, or at its end.
    ///
    /// Throws: what send() throws;   usage_error   `error` is null
    step_type throw_(std::exception_ptr error) {
        const auto s = state();
        s->throw_(std::move(error));
        return take_step(*s);
    }
    template <class Error>
        requires(!std::same_as<std::remove_cvref_t<Error>, std::exception_ptr>)
    step_type throw_(Error&& error) {
        return throw_(std::make_exception_ptr(std::forward<Error>(error)));
    }

    /// Asks it to leave: raises generator_exit where it waits, as throw_ would (c.close()). Does nothing to one that
    /// has ended; one that has not begun is destroyed unrun.
    ///
    /// Returns what it returned if it caught the exit and returned, else nothing; a pointer if R is a reference,
    /// void if it is void. (G39)
    /// Throws: coroutine_ignored_exit        it waits again; it stays suspended there (G41)
    ///         coroutine_already_executing;   wrong_loop;   what it throws instead of leaving
    auto close() {
        const detail::counted<state_type> s(state_.get());
        if (s) s->close();
        if constexpr (std::is_reference_v<R>) {
            const auto returned = s && s->returned.has_value() ? std::addressof(s->returned.get()) : nullptr;
            if (s) s->returned.reset();
            return returned;
        } else if constexpr (!std::is_void_v<R>) {
            std::optional<R> returned;
            if (s && s->returned.has_value()) returned.emplace(std::move(s->returned.get()));
            if (s) s->returned.reset();
            return returned;
        }
    }

    [[nodiscard]] coroutine_status status() const noexcept {
        return state_ ? state_->status() : coroutine_status::closed;
    }

    /// What it waits for; a bare yield if for nothing (cr_await, G82).
    [[nodiscard]] awaited awaiting() const { return state_ ? waits_for(*state_) : awaited(); }

    /// What it was given; empty if nothing.
    [[nodiscard]] std::string name() const { return state_ ? state_->name() : std::string(); }

    // ------------------------------------------------------------------------------------------------- for create_task

    /// Throws: unless await() could be called. It is not reported as forgotten any more.
    void take() { state()->take(); }
    [[nodiscard]] std::source_location site() const { return state()->site(); }
    [[nodiscard]] std::size_t stack_size() const { return state()->stack_size(); }

private:
    [[nodiscard]] detail::counted<state_type> state() const {
        if (!state_) throw coroutine_already_awaited();
        return detail::counted<state_type>(state_.get());
    }

    static awaited waits_for(const state_type& s) { return {s.wait(), s.awaited_future()}; }

    static step_type take_step(state_type& s) {
        step_type made;
        if (s.status() == coroutine_status::suspended) {
            made.yielded_.set(waits_for(s));
        } else {
            made.returned_ = std::move(s.returned);
            s.returned.reset();
        }
        return made;
    }

    std::unique_ptr<state_type, detail::handle_of_coroutine_gone> state_;
};

template <class F>
coroutine(F&&) -> coroutine<std::invoke_result_t<std::decay_t<F>&>>;
template <class F>
coroutine(F&&, coroutine_options) -> coroutine<std::invoke_result_t<std::decay_t<F>&>>;

/// True for coroutine types (asyncio.iscoroutine, C15). Generators are none.
template <class T>
inline constexpr bool is_coroutine = false;
template <class R>
inline constexpr bool is_coroutine<coroutine<R>> = true;

}  // namespace crocus
