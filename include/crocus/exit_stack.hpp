// What is to be done at the end of a scope, collected while it runs (contextlib.ExitStack and AsyncExitStack).
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/context_manager.hpp>

namespace crocus {

/// A stack of things to do at the end of a scope, the last one first. Usually with_exit_stack's.
///
///     crocus::with_exit_stack([&](crocus::exit_stack& scope) {
///         for (const std::string& name : names) files.push_back(&scope.enter_context(opened(name)));
///         ...
///     });                                                     // closes all of them, whatever happened
///
/// As if each were the end of a scope around all that was pushed later: it runs also when others threw, it is given the
/// exception that is on its way, and what it throws takes that one's place. It runs while that one is handled, so
/// std::throw_with_nested keeps it. All of them may suspend.
///
/// Thread: by one at a time.
class CROCUS_EXPORT exit_stack {
public:
    exit_stack() noexcept = default;
    exit_stack(exit_stack&& other) noexcept = default;
    exit_stack& operator=(exit_stack other) noexcept;

    /// Does what close() does, with cancellation held. What close() would throw goes to the unraisable hook.
    ~exit_stack();

    /// At the end, calls f().
    template <class F>
        requires std::invocable<std::decay_t<F>&>
    void callback(F&& f) {
        push([f = std::decay_t<F>(std::forward<F>(f))](const std::exception_ptr&) mutable {
            std::invoke(f);
            return false;
        });
    }

    /// At the end, calls f(error), with what is on its way, or null. If it returns true that is dealt with: it goes no
    /// further.
    template <class F>
        requires std::predicate<std::decay_t<F>&, const std::exception_ptr&>
    void push(F&& f) {
        put(std::make_unique<function_entry<std::decay_t<F>>>(std::forward<F>(f)));
    }

    /// Enters `manager` and returns what enter() does; at the end, exits it. A temporary is kept, others are referred
    /// to.
    template <class Manager>
        requires manages_context<std::remove_reference_t<Manager>>
    decltype(auto) enter_context(Manager&& manager) {
        auto kept = std::make_unique<manager_entry<Manager>>(std::forward<Manager>(manager));
        auto& entered = kept->manager;
        if constexpr (std::is_void_v<decltype(entered.enter())>) {
            entered.enter();
            put(std::move(kept));
        } else {
            decltype(auto) value = entered.enter();
            put(std::move(kept));
            return std::forward<decltype(value)>(value);
        }
    }

    /// Moves everything to another stack: nothing of it will happen at the end of this one.
    [[nodiscard("what is to be done is done when this is destroyed")]] exit_stack pop_all() noexcept {
        return std::move(*this);
    }

    /// Does everything now.
    ///
    /// Throws: what the last of them to throw threw, unless another one has dealt with it
    void close() { exit(nullptr); }

    /// What with() calls, and so the end of with_exit_stack: True if `error` is dealt with.
    exit_stack& enter() noexcept { return *this; }
    bool exit(const std::exception_ptr& error);

private:
    struct CROCUS_EXPORT entry {
        entry() noexcept = default;
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;
        virtual ~entry();
        virtual bool exit(const std::exception_ptr& error) = 0;

        std::unique_ptr<entry> below;
    };

    template <class F>
    struct function_entry final : entry {
        template <class From>
        explicit function_entry(From&& from) : f(std::forward<From>(from)) {}
        bool exit(const std::exception_ptr& error) override { return std::invoke(f, error); }
        F f;
    };

    template <class Manager>  // a reference where it is the caller's
    struct manager_entry final : entry {
        explicit manager_entry(Manager&& from) : manager(std::forward<Manager>(from)) {}
        bool exit(const std::exception_ptr& error) override { return manager.exit(error); }
        Manager manager;
    };

    void put(std::unique_ptr<entry> added) noexcept;
    bool exit_top(const std::exception_ptr& error);

    std::unique_ptr<entry> top_;
};

/// Calls body(stack) with a fresh exit_stack, and does at its end what was put there, whatever leaves the body. Returns
/// what body returns, as with() does.
///
/// Throws: what body throws, unless it was suppressed; what was put there throws
template <std::invocable<exit_stack&> Body>
decltype(auto) with_exit_stack(Body&& body) {
    return with(exit_stack(), std::forward<Body>(body));
}

}  // namespace crocus
