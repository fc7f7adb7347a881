// What through_c is made of: the edge between C++ and a C function that calls back.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/fiber.hpp>

namespace crocus {

struct user_data;

namespace detail {

/// A call of a C function that calls back, in the frame that makes it. The calls on one stack are chained.
class CROCUS_EXPORT c_call {
public:
    /// `key` says which callback it is.
    explicit c_call(const void* key) noexcept;
    c_call(const c_call&) = delete;
    c_call& operator=(const c_call&) = delete;
    ~c_call();

    /// The innermost call with this callback on the stack that the caller runs on; the process ends if there is none.
    static c_call& running(const void* key) noexcept;

    /// True once the callback has thrown.
    [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }

    /// In a handler: keeps the exception. From here on it counts as unwinding the C function's frames.
    void keep_exception() noexcept;

    /// Once the C function has returned.
    void rethrow_kept() {
        if (failed()) [[unlikely]]
            rethrow();
    }

private:
    [[noreturn]] void rethrow();

    fiber& on_;
    c_call* const outer_;
    const void* const key_;
    std::exception_ptr error_;
    fiber* unwinding_ = nullptr;  // the one that was told so
};

/// Its address stands for one kind of callback. Not const: linkers may merge constants.
template <class Signature, class Callback>
inline char callback_key = 0;

/// A type of a signature as C has it.
template <class T>
using c_type = std::conditional_t<std::same_as<T, user_data>, void*, T>;

template <class Signature>
struct c_signature;

template <class Result, class... Arguments>
struct c_signature<Result(Arguments...)> {
    using result = Result;
    using function = Result(c_type<Arguments>...);

    static constexpr std::size_t user_data_count = (std::size_t{std::same_as<Arguments, user_data>} + ... + 0);
    static_assert(user_data_count <= 1, "one of the parameters is the user data");

    /// A call of a C function with `Callback`, which gets all the arguments but the user data.
    template <class Callback>
    class call : public c_call {
    public:
        using stop_type = std::conditional_t<std::is_void_v<Result>, std::nullptr_t, Result>;

        call(Callback& callback, stop_type stop) noexcept : c_call(key()), callback_(callback), stop_(stop) {}

        /// Calls api(function), or api(function, user data).
        template <class Api>
        auto make(Api&& api) {
            function* const called_back = &call::edge;
            if constexpr (user_data_count == 0)
                return checked([&]() -> decltype(auto) { return std::invoke(std::forward<Api>(api), called_back); });
            else
                return checked([&]() -> decltype(auto) {
                    return std::invoke(std::forward<Api>(api), called_back, static_cast<void*>(this));
                });
        }

    private:
        [[nodiscard]] static const void* key() noexcept { return &callback_key<Result(Arguments...), Callback>; }

        /// The callback's exception comes first: what the API throws may be a consequence.
        template <class Api>
        auto checked(Api api) {
            using returned = decltype(api());
            slot<returned> value;
            try {
                if constexpr (std::is_void_v<returned>)
                    api();
                else
                    value.set(api());
            } catch (...) {
                rethrow_kept();
                throw;
            }
            rethrow_kept();
            if constexpr (!std::is_void_v<returned>) return static_cast<returned&&>(value.get());
        }

        /// What the C function calls.
        static Result edge(c_type<Arguments>... arguments) noexcept {
            call& self = find(arguments...);
            try {
                if (!self.failed())
                    return static_cast<Result>(
                        std::apply(self.callback_, std::tuple_cat(given<Arguments>(arguments)...)));
            } catch (...) {
                self.keep_exception();
            }
            if constexpr (!std::is_void_v<Result>) return self.stop_;
        }

        static call& find(const c_type<Arguments>&... arguments) noexcept {
            if constexpr (user_data_count == 0) {
                return static_cast<call&>(c_call::running(key()));
            } else {
                void* data = nullptr;
                const auto look = [&]<class Argument>(std::type_identity<Argument>, const auto& argument) {
                    if constexpr (std::same_as<Argument, user_data>) data = argument;
                };
                (look(std::type_identity<Arguments>(), arguments), ...);
                return *static_cast<call*>(data);
            }
        }

        template <class Argument>
        static auto given(c_type<Argument>& argument) noexcept {
            if constexpr (std::same_as<Argument, user_data>)
                return std::tuple<>();
            else
                return std::tuple<c_type<Argument>&>(argument);
        }

        Callback& callback_;
        [[no_unique_address]] const stop_type stop_;
    };
};

template <class Signature>
using c_result = typename c_signature<Signature>::result;

template <class Signature, class Callback>
using c_call_with = typename c_signature<Signature>::template call<std::remove_reference_t<Callback>>;

}  // namespace detail
}  // namespace crocus
