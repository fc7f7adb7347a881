// Scopes that generators make: Python's contextlib.contextmanager, and its with statement as a function.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <variant>

#include <crocus/config.hpp>
#include <crocus/error.hpp>
#include <crocus/generator.hpp>

namespace crocus {

/// What with() runs a body in; context_manager and exit_stack are such types, and a user's own class may be.
///
///     enter()        gives the value that the body is called with, or nothing
///     exit(error)    ends the scope; `error` is what left the body, or null. True if it is dealt with: it goes no
///                    further. What exit throws takes its place.
template <class T>
concept manages_context = requires(T& manager, const std::exception_ptr& error) {
    manager.enter();
    { manager.exit(error) } -> std::convertible_to<bool>;
};

namespace detail {

/// What the body of a manager without a value is called with.
class valueless_yielder {
public:
    explicit valueless_yielder(generator<std::monostate>::yielder& yield) noexcept : yield_(yield) {}
    valueless_yielder(const valueless_yielder&) = delete;
    valueless_yielder& operator=(const valueless_yielder&) = delete;

    void operator()() { yield_(std::monostate()); }

private:
    generator<std::monostate>::yielder& yield_;
};

/// In a handler: true if the exception is `error` itself, or what becomes of it when it leaves a generator (PEP 479).
CROCUS_EXPORT bool came_back(const std::exception_ptr& error);

/// Throws generator_did_not_stop, with `error`, if there is one, nested.
[[noreturn]] CROCUS_EXPORT void throw_did_not_stop(const std::exception_ptr& error);

}  // namespace detail

/// A scope made of a generator (contextlib.contextmanager): what stands before the body's yield enters it, what stands
/// after leaves it, and the yield gives the scope's value; none if `Value` is void.
///
///     crocus::context_manager<std::ostream&> opened(std::string path) {
///         return [path](auto& yield) {
///             std::ofstream file(path);
///             yield(file);
///         };
///     }
///     crocus::with(opened("log"), [](std::ostream& file) { file << "hello\n"; });
///
/// What leaves the body of with() is raised at the yield. A manager that returns has suppressed it; what the manager
/// throws comes out instead; the same exception comes out as the same object. cancelled_error and generator_exit are no
/// different. A manager may suspend (asynccontextmanager), and may be cancelled where it does.
///
/// It serves once. One that is destroyed between enter() and exit() is closed, as a generator is: a guard of that kind
/// needs no other form, and with() has what a destructor cannot do.
///
/// Thread: a generator's.
/// Cost:   a generator's; four switches
template <class Value = void>
class context_manager {
    using generator_type = generator<std::conditional_t<std::is_void_v<Value>, std::monostate, Value>>;

public:
    using yielder =
        std::conditional_t<std::is_void_v<Value>, detail::valueless_yielder, typename generator_type::yielder>;

    /// A manager whose scope `body(yield)` makes. Nothing of it runs before enter(). `site` is where, for reports.
    template <class Body>
        requires(!std::same_as<std::remove_cvref_t<Body>, context_manager> &&
                 std::invocable<std::decay_t<Body>&, yielder&>)
    context_manager(Body&& body, std::size_t stack_size = stack::default_size(),  // NOLINT: for `return [...]`
                    std::source_location site = std::source_location::current())
        : generator_(adapted(std::forward<Body>(body)), stack_size, site) {}

    /// Runs the body to its yield. Returns what it yields, in place: it refers into the body, until exit().
    ///
    /// Throws: generator_did_not_yield   the body returned (G83)
    ///         usage_error               it was entered before
    ///         what the body throws; what stack's constructor throws
    std::add_lvalue_reference_t<Value> enter() {
        if (generator_.status() != generator_status::created)
            throw usage_error("a context_manager serves once: make another for another scope");
        auto at = generator_.begin();
        if (at == generator_.end()) throw generator_did_not_yield();
        if constexpr (!std::is_void_v<Value>) return *at;
    }

    /// Runs the body to its end; with `error`, unless that is null, raised at the yield. True if the body returned all
    /// the same: `error` is suppressed. False if it came back, or there was none. (G84, G85)
    ///
    /// Requires: entered
    /// Throws:   generator_did_not_stop   the body yielded again; it was closed
    ///           what the body throws, unless that is `error`
    bool exit(const std::exception_ptr& error) {
        try {
            if (error ? generator_.throw_(error).finished() : generator_.begin() == generator_.end())
                return error != nullptr;
        } catch (...) {
            if (!error || !detail::came_back(error)) throw;
            return false;
        }
        generator_.close();
        detail::throw_did_not_stop(error);
    }

private:
    template <class Body>
    static decltype(auto) adapted(Body&& body) {
        if constexpr (std::is_void_v<Value>)
            return [body = std::forward<Body>(body)](auto& yield) mutable {
                yielder without_value(yield);
                std::invoke(body, without_value);
            };
        else
            return std::forward<Body>(body);
    }

    generator_type generator_;
};

namespace detail {

/// Calls a scope's body with the value of its manager, if there is one and the body takes it.
template <class Body, class... Value>
decltype(auto) call_body(Body&& body, Value&... value) {
    if constexpr (std::invocable<Body, Value&...>)
        return std::invoke(std::forward<Body>(body), value...);
    else
        return std::invoke(std::forward<Body>(body));
}

/// What call_body returns. `Value` is an lvalue reference, or void.
template <class Body, class Value>
using body_result =
    std::conditional_t<std::invocable<Body, Value>, std::invoke_result<Body, Value>, std::invoke_result<Body>>;

/// What with() returns: what its body does, but nothing that refers to a temporary.
template <class Manager, class Body>
struct scope_result {
    using value = std::add_lvalue_reference_t<decltype(std::declval<Manager&>().enter())>;
    using given = typename body_result<Body, value>::type;
    using type = std::conditional_t<std::is_rvalue_reference_v<given>, std::remove_reference_t<given>, given>;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

}  // namespace detail

/// Enters `manager`, calls body(value), or body(), and exits, whatever leaves the body (the with statement).
///
/// Returns what body returns. Where the manager suppresses what the body threw there is no such value: a body that
/// returns a std::optional gives an empty one, one that returns nothing nothing.
///
/// Suspends: where the manager or the body does
/// Throws:   what enter and exit throw; what the body throws, unless it is suppressed
///           exception_suppressed   it is, and the body returns something else than an optional
template <class Manager, class Body>
    requires manages_context<std::remove_reference_t<Manager>>
auto with(Manager&& manager, Body&& body) -> typename detail::scope_result<Manager, Body>::type {
    using result = typename detail::scope_result<Manager, Body>::type;
    detail::slot<result> returned;
    const auto run = [&](auto&... value) {
        try {
            if constexpr (std::is_void_v<result>)
                detail::call_body(std::forward<Body>(body), value...);
            else
                returned.set(detail::call_body(std::forward<Body>(body), value...));
        } catch (...) {
            if (!manager.exit(std::current_exception())) throw;
            if constexpr (detail::is_optional<result>)
                returned.set(std::nullopt);
            else if constexpr (!std::is_void_v<result>)
                std::throw_with_nested(exception_suppressed());
            return;
        }
        manager.exit(nullptr);
    };
    if constexpr (std::is_void_v<decltype(manager.enter())>) {
        manager.enter();
        run();
    } else {
        decltype(auto) value = manager.enter();
        run(value);
    }
    if constexpr (!std::is_void_v<result>) return static_cast<result&&>(returned.get());
}

}  // namespace crocus
