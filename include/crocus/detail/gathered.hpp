// What gather, wait and as_completed are given, and the handles that they wait for.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/detail/joint_wait.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/outcome.hpp>
#include <crocus/task.hpp>

namespace crocus::detail {

template <class T>
concept handle_type = is_future<T> || std::same_as<T, any_task>;

template <class Part>
concept gatherable = is_future<std::remove_cvref_t<Part>> || std::invocable < std::remove_reference_t<Part>
& > || awaitable<Part>;

/// The handle of a part: itself, or that of the task that it becomes. A part that `stays` where it is, longer than the
/// task, is referred to; else it moves, or is copied, into the task.
template <bool stays, class Part>
auto start_part(joint_wait& all, Part&& part) {
    using held = std::remove_cvref_t<Part>;
    if constexpr (is_future<held>) {
        held handle(std::forward<Part>(part));
        all.watch(*handle.state());
        return handle;
    } else if constexpr (is_coroutine<held>) {
        return all.start(std::forward<Part>(part));
    } else if constexpr (std::invocable<std::remove_reference_t<Part>&>) {
        if constexpr (stays)
            return all.start(std::ref(part));
        else
            return all.start(std::forward<Part>(part));
    } else {
        if constexpr (stays)
            return all.start([&part]() -> decltype(auto) { return await(std::forward<Part>(part)); });
        else
            return all.start([held = std::decay_t<Part>(std::forward<Part>(part))]() mutable -> decltype(auto) {
                return await(std::move(held));
            });
    }
}

template <class T>
using value_or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A handle that gather waits for. The result of a task of its own is nobody else's.
template <class Handle, bool own>
class gathered {
    using value = typename Handle::value_type;

public:
    explicit gathered(Handle handle) noexcept : handle_(std::move(handle)) {}

    value_or_monostate<value> result() {
        if constexpr (std::is_void_v<value>)
            return read_result(), std::monostate();
        else
            return read_result();
    }
    outcome<value> as_outcome() {
        return outcome<value>::of([this]() -> value { return read_result(); });
    }

private:
    value read_result() { return read<value>(*handle_.state(), own || handle_.state()->owners() == 1); }

    Handle handle_;
};

template <bool stays, class Part>
auto take_part(joint_wait& all, Part&& part) {
    auto handle = start_part<stays>(all, std::forward<Part>(part));
    return gathered<decltype(handle), !is_future<std::remove_cvref_t<Part>>>(std::move(handle));
}

/// Parts of a range stay if it holds them.
template <class Parts>
auto take_parts(joint_wait& all, Parts& parts) {
    using reference = std::ranges::range_reference_t<Parts>;
    constexpr bool stay = std::ranges::forward_range<Parts> && std::is_lvalue_reference_v<reference>;
    std::vector<decltype(take_part<stay>(all, std::declval<reference>()))> taken;
    if constexpr (std::ranges::sized_range<Parts>) {
        taken.reserve(static_cast<std::size_t>(std::ranges::size(parts)));
        all.reserve(taken.capacity());
    }
    for (auto&& part : parts) taken.push_back(take_part<stay>(all, std::forward<decltype(part)>(part)));
    return taken;
}

/// Each handle once, in their order.
template <class Handles>
auto distinct_handles(Handles&& handles) {
    std::vector<std::ranges::range_value_t<Handles>> all, distinct;
    std::vector<const future_state*> states;
    for (auto&& h : handles) {
        all.push_back(std::forward<decltype(h)>(h));
        states.push_back(all.back().state().get());
        if (states.back() == nullptr) throw usage_error("a main flow was to be waited for; its end is the loop's");
    }
    const std::vector<bool> first = first_occurrences(states);
    for (std::size_t i = 0; i != all.size(); ++i)
        if (first[i]) distinct.push_back(std::move(all[i]));
    return distinct;
}

template <class Handle>
void watch_all(joint_wait& all, const std::vector<Handle>& handles) {
    all.reserve(handles.size());
    for (const auto& h : handles) all.watch(*h.state());
}

/// What stands behind a range that as_completed returns.
template <class Handle>
struct completions_state {
    explicit completions_state(std::optional<duration> timeout) {
        if (timeout) deadline = event_loop::current().time_after(*timeout);
    }

    void step() {
        current = nullptr;
        if (all.untaken() == 0) return;
        if (!deadline)
            all.wait(joint_wait::one_ended);
        else if (!all.wait_until(joint_wait::one_ended, *deadline))
            throw_late();
        current = &handles[all.take_ended()];
    }

    std::optional<time_point> deadline;
    std::vector<Handle> handles;
    Handle* current = nullptr;  // null: at the end
    joint_wait all;             // the last: as it ends, it waits for tasks whose handles are above

private:
    [[noreturn]] void throw_late() {
        deadline.reset();  // it was said once
        throw timeout_error("as_completed: " + std::to_string(all.untaken()) + " of " + std::to_string(handles.size()) +
                            " had not ended in time");
    }
};

}  // namespace crocus::detail
