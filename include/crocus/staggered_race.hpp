// Several ways to one result, begun one after the other: the first that succeeds wins (staggered_race, RFC 8305).
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>

namespace crocus {

template <class T>
struct race_result {
    std::optional<T> value = {};                   // the winner's; nothing if all have failed
    std::optional<std::size_t> winner = {};        // its place among the functions
    std::vector<std::exception_ptr> exceptions{};  // of each that was begun; null for those that returned
};

namespace detail {

/// A race as its parts see it, which know what they compute.
class CROCUS_EXPORT race {
public:
    race(std::size_t count, std::optional<duration> delay, std::vector<std::exception_ptr>& exceptions)
        : count_(count), delay_(delay), exceptions_(exceptions) {}

    /// Calls `attempt(argument, place)` for each, until one returns; the others have ended when this returns.
    void run(void (*attempt)(void*, std::size_t), void* argument);

    [[nodiscard]] const std::optional<std::size_t>& winner() const noexcept { return winner_; }

private:
    const std::size_t count_;
    const std::optional<duration> delay_;
    std::vector<std::exception_ptr>& exceptions_;
    std::optional<std::size_t> winner_;
};

}  // namespace detail

/// Calls the first of `functions`, each next one when the one before it has failed or `delay` has passed, whichever
/// comes first, and returns when one has returned a value: the others are cancelled, and have ended. Without a delay a
/// failure alone begins the next. What they throw is no error of the race: it is in the result. (L34)
///
/// Each runs in a task. The functions are referred to, not copied. The value of one that returns although another has
/// won is destroyed; one that returns nothing gives std::monostate.
///
/// Suspends: until one has won or all have failed, and all have ended
/// Throws:   cancelled_error   the caller was cancelled: so were they, and have ended
template <std::ranges::random_access_range Functions>
    requires std::invocable<std::ranges::range_reference_t<Functions>> &&
             (!std::is_reference_v<std::invoke_result_t<std::ranges::range_reference_t<Functions>>>)
auto staggered_race(Functions&& functions, std::optional<duration> delay) {
    using returned = std::invoke_result_t<std::ranges::range_reference_t<Functions>>;
    using value = std::conditional_t<std::is_void_v<returned>, std::monostate, returned>;
    race_result<value> result;
    detail::race all(static_cast<std::size_t>(std::ranges::distance(functions)), delay, result.exceptions);
    const auto begin = std::ranges::begin(functions);
    auto attempt = [&](std::size_t place) {
        auto&& f = begin[static_cast<std::ranges::range_difference_t<Functions>>(place)];
        if constexpr (std::is_void_v<returned>) {
            std::invoke(f);
            if (!all.winner()) result.value.emplace();
        } else {
            returned late = std::invoke(f);
            if (!all.winner()) result.value.emplace(std::move(late));
        }
    };
    all.run([](void* a, std::size_t place) { (*static_cast<decltype(attempt)*>(a))(place); }, &attempt);
    result.winner = all.winner();
    return result;
}

}  // namespace crocus
