// Functions that call back: C functions, which no exception may pass through, and any of them as a generator.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/c_call.hpp>
#include <crocus/generator.hpp>
#include <crocus/stack.hpp>

namespace crocus {

/// In a signature that through_c is given: the void* by which the C function hands on what its caller gave it.
struct user_data;

/// Calls a C function that calls back. `Signature` is the callback's as the C function's manual has it, with user_data
/// for the parameter that hands on the caller's void*, if there is one. `api` makes the call: it is given a function
/// pointer, and the void* if there is one. `callback` is called with what the C function gives, without user_data.
///
///     crocus::through_c<int(const char*, const struct stat*, int, FTW*)>(
///         [&](auto* visit) { return nftw(path, visit, 16, FTW_PHYS); },
///         [&](const char* file, const struct stat* about, int, FTW*) { ...; return 0; },
///         1);                                                             // what makes nftw return
///
///     crocus::through_c<int(const void*, const void*, crocus::user_data)>(
///         [&](auto* compare, void* data) { qsort_r(base, n, size, compare, data); },
///         [&](const void* a, const void* b) { return ...; }, 0);
///
/// The callback may throw: the C function is given `stop`, now and whenever it calls back again, and the exception goes
/// on once it has returned. Meanwhile it counts as unwinding, so that a cancellation is held.
///
/// The callback may suspend, yield, and call through_c: the C function's frames stay on this stack, and others may be
/// in the same function. A second callback of the same function is a second through_c, in the first one's api; without
/// user_data they are told apart by their types, as any two lambdas are.
///
/// Returns what api does.
/// Suspends: where the callback does; a cancellation is raised there, and passes as any exception does
/// Requires: the C function calls back on the stack that it is called on, before it returns (with user_data, on any
///           stack of this thread); `stop` ends it, or it does no harm while it goes on with that; if the callback
///           suspends, it keeps no lock and nothing of its thread's
/// Throws:   what the callback throws; if that is nothing, what api throws
/// Cost:     for each call back without user_data, a search among the calls of through_c on this stack, innermost first
template <class Signature, class Api, class Callback>
    requires(!std::is_void_v<detail::c_result<Signature>>)
auto through_c(Api&& api, Callback&& callback, std::type_identity_t<detail::c_result<Signature>> stop) {
    return detail::c_call_with<Signature, Callback>(callback, stop).make(std::forward<Api>(api));
}

/// The same, for C functions that expect nothing back.
template <class Signature, class Api, class Callback>
    requires std::is_void_v<detail::c_result<Signature>>
auto through_c(Api&& api, Callback&& callback) {
    return detail::c_call_with<Signature, Callback>(callback, nullptr).make(std::forward<Api>(api));
}

namespace detail {

template <class... Values>
using yielded_by =
    std::conditional_t<sizeof...(Values) == 1, std::tuple_element_t<0, std::tuple<Values...>>, std::tuple<Values...>>;

}  // namespace detail

/// What from_callback's function is given to call. Copies do the same.
template <class... Values>
class yielding_callback {
public:
    using yielder = typename generator<detail::yielded_by<Values...>>::yielder;

    explicit yielding_callback(yielder& yield) noexcept : yield_(&yield) {}

    /// Yields the values, one as it is and several as a tuple.
    void operator()(Values... values) const {
        if constexpr (sizeof...(Values) == 1)
            (*yield_)(std::forward<Values>(values)...);
        else
            (*yield_)(std::tuple<Values...>(std::forward<Values>(values)...));
    }

private:
    yielder* yield_;
};

/// Turns a function that calls back into a generator of what it calls back with: of `Value` if that is one type, else
/// of tuples. References are good until the generator is resumed.
///
///     crocus::generator<const node&> nodes(const tree& t) {
///         return crocus::from_callback<const node&>([&t](auto& callback) { t.visit(callback); });
///     }
///
/// `api(callback)` is the generator's body; what it returns is dropped. Where the function wants an answer of its
/// callback, or is a C function, a lambda stands between:
///
///     crocus::from_callback<std::string>([path](auto& callback) {
///         crocus::through_c<int(const char*, const struct stat*, int, FTW*)>(
///             [&](auto* visit) { return nftw(path, visit, 16, FTW_PHYS); },
///             [&](const char* file, auto...) { callback(file); return 0; }, 1);
///     });
///
/// Requires: the function calls back on the stack that it is called on, before it returns; else: wrong_fiber
template <class... Value, class Api>
    requires(sizeof...(Value) > 0 && std::invocable<std::decay_t<Api>&, yielding_callback<Value...>&>)
auto from_callback(Api&& api, std::size_t stack_size = stack::default_size(),
                   std::source_location site = std::source_location::current()) {
    using generator_type = generator<detail::yielded_by<Value...>>;
    auto body = [api = std::decay_t<Api>(std::forward<Api>(api))](typename generator_type::yielder& yield) mutable {
        yielding_callback<Value...> callback(yield);
        std::invoke(api, callback);
    };
    return generator_type(std::move(body), stack_size, site);
}

}  // namespace crocus
