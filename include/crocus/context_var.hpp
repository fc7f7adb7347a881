// Variables whose values follow the flow of a program: one per task, seen by all that the task calls (contextvars).
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/context_data.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/fiber.hpp>

namespace crocus {

class context_scope;
class context_token;

namespace detail {

/// A variable, without its type.
class CROCUS_EXPORT context_key {
public:
    explicit context_key(std::string name);
    context_key(const context_key&) = delete;
    context_key& operator=(const context_key&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

protected:
    friend class crocus::context_scope;
    ~context_key() = default;

    /// The value in the current context; null if there is none.
    [[nodiscard]] std::shared_ptr<const void> find() const noexcept;
    context_token exchange(std::shared_ptr<const void> value) const;
    void reset(context_token& token) const;
    [[noreturn]] void throw_unset() const;

private:
    const std::uint64_t id_;  // an address may be used again, for another type
    const std::string name_;
};

}  // namespace detail

/// What a variable was before set(), to be restored once (contextvars.Token). One that is dropped does nothing.
///
/// Requires: the variable lives when it is reset.
class CROCUS_EXPORT context_token {
public:
    context_token(context_token&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), in_(std::move(other.in_)), before_(std::move(other.before_)) {}
    context_token& operator=(context_token&&) = delete;
    ~context_token() = default;

private:
    friend class detail::context_key;
    friend class context_scope;
    context_token(const detail::context_key& of, detail::context_slot in, std::shared_ptr<const void> before) noexcept
        : of_(&of), in_(std::move(in)), before_(std::move(before)) {}

    const detail::context_key* of_;       // null: used
    detail::context_slot in_;             // an own_context
    std::shared_ptr<const void> before_;  // null: it was not set
};

/// Restores a variable at the end of a scope: `const context_scope scope(request_id.set("7"));` (Python 3.14's
/// `with var.set(...)`). It belongs into one flow of control: in a generator's body that is resumed in another context
/// when it ends, the variable cannot be restored, and that is reported to the unraisable hook.
class CROCUS_EXPORT context_scope {
public:
    [[nodiscard]] explicit context_scope(context_token token) noexcept : token_(std::move(token)) {}
    context_scope(const context_scope&) = delete;
    context_scope& operator=(const context_scope&) = delete;
    ~context_scope();

private:
    context_token token_;
};

/// A variable with a value for each flow of control (contextvars.ContextVar): of namespace scope, as a rule.
///
///     inline crocus::context_var<std::string> request_id("request_id");
///
/// What a function sets, its caller sees after it has returned. A task begins with what the one that made it saw then,
/// and a callback of the loop with what the one that registered it saw; what they set stays with them. A generator, and
/// a coroutine that is awaited or driven by hand, have nothing of their own: they see and change what is the resumer's.
/// (C23, G19) A thread begins with nothing, as what an executor runs does; to_thread takes the caller's values along.
///
/// Values are shared, by threads too, and never written to: T's copy constructor must be safe to call on several
/// threads at once. A value is destroyed by whoever drops it last, so its destructor must not suspend.
///
/// Thread: any.
/// Cost:   get() looks for the variable among those that are set, and copies the value. set() allocates; the first one
///         after the context was copied also copies one word for each variable that is set.
template <class T>
class context_var : private detail::context_key {
    static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>, "a value is a copy of its own");

public:
    using detail::context_key::name;

    /// `name` is for error messages.
    explicit context_var(std::string name) : context_key(std::move(name)) {}
    context_var(std::string name, T default_value) : context_key(std::move(name)), default_(std::move(default_value)) {}

    /// The value in the current context, or else the variable's default.
    ///
    /// Throws: context_var_unset   there is neither
    [[nodiscard]] T get() const {
        if (const auto value = find()) return *static_cast<const T*>(value.get());
        if (!default_) throw_unset();
        return *default_;
    }

    /// The value in the current context, or else `otherwise`.
    template <std::convertible_to<T> U>
    [[nodiscard]] T get_or(U&& otherwise) const {
        if (const auto value = find()) return *static_cast<const T*>(value.get());
        return std::forward<U>(otherwise);
    }

    /// Gives it a value in the current context. The token leads back to what it was.
    template <std::convertible_to<T> U = T>
    context_token set(U&& value) {
        return exchange(std::make_shared<const T>(std::forward<U>(value)));
    }

    /// Makes it what it was before the set() that gave the token.
    ///
    /// Throws: context_token_used, context_token_of_other_variable, context_token_of_other_context; nothing has changed
    void reset(context_token& token) { context_key::reset(token); }
    void reset(context_token&& token) { context_key::reset(token); }

private:
    std::optional<T> default_;
};

/// A set of values that functions can be called in (contextvars.Context). Copies refer to the same one.
///
/// Thread: any, one at a time.
class CROCUS_EXPORT context {
public:
    /// One in which nothing is set.
    context() : context(detail::context_slot()) {}
    /// One with the values that are current now (contextvars.copy_context).
    ///
    /// Cost: one allocation, whatever is set
    [[nodiscard]] static context copy_current();
    /// One with the values that a flow or a callback sees now: what handle and any_task give as get_context().
    [[nodiscard]] static context copy_of(const detail::context_slot& of);

    context(const context& other) noexcept : own_(other.own_.share()) {}
    context& operator=(const context& other) noexcept {
        own_ = other.own_.share();
        return *this;
    }
    ~context() = default;

    /// Calls `f()` in it: what f sets stays in the context, and is there in the next run(). f may suspend: the context
    /// is current in its own flow alone.
    ///
    /// Throws: what f throws;   context_already_entered   a run() of it has not ended, here or elsewhere
    ///         yield_across_scope where f yields for a generator whose body is outside
    template <std::invocable F>
    decltype(auto) run(F&& f) const {
        const entered here(own_);
        return std::invoke(std::forward<F>(f));
    }

private:
    class CROCUS_EXPORT entered {
    public:
        explicit entered(const detail::context_slot& own);
        entered(const entered&) = delete;
        entered& operator=(const entered&) = delete;
        ~entered();

    private:
        detail::context_slot before_;
        detail::yield_barrier no_yield_;  // it would leave the context current outside
    };

    explicit context(detail::context_slot values);

    detail::context_slot own_;  // an own_context
};

}  // namespace crocus
