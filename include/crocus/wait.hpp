// Waiting for several things at once (asyncio.gather).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

namespace detail {

/// Waits for tasks that were made for its caller. None of them is left running when it returns or throws.
class CROCUS_EXPORT joint_wait {
public:
    joint_wait();
    joint_wait(const joint_wait&) = delete;
    joint_wait& operator=(const joint_wait&) = delete;
    ~joint_wait();

    void add(any_task task, future_state& state);

    /// Suspends until all have ended. The first failure, or a cancellation of the caller, cancels those that still run,
    /// and is raised once they have ended.
    void wait();

private:
    class member;

    void cancel_all(const std::string& message);

    std::vector<std::unique_ptr<member>> members_;
    std::size_t running_ = 0;
    member* first_failed_ = nullptr;
    wait_queue progress_;
};

template <class T>
using value_or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// The result of a task that only gather has a handle on.
template <class T>
value_or_monostate<T> take(task<T>& t) {
    if constexpr (std::is_void_v<T>) {
        read<T>(*t.state(), true);
        return {};
    } else {
        return read<T>(*t.state(), true);
    }
}

}  // namespace detail

/// Calls all functions concurrently, each in a task, and returns their results in the order of the arguments:
/// std::monostate for void. (T24)
///
/// If one fails the others are cancelled and awaited, and its exception is raised; likewise if the caller is cancelled.
/// So nothing that the functions refer to is used after gather has returned.
///
/// Suspends: until all have ended
/// Throws:   what the first that failed threw; cancelled_error
template <std::invocable... F>
    requires(sizeof...(F) > 0)
auto gather(F&&... functions) {
    // The functions are referred to, not copied: they are the caller's, and gather outlives their use.
    // Braces: the tasks are made, and so start, in the order of the arguments.
    std::tuple tasks{create_task(std::ref(functions))...};
    detail::joint_wait all;
    std::apply([&](auto&... t) { (all.add(t, *t.state()), ...); }, tasks);
    all.wait();
    return std::apply([](auto&... t) { return std::make_tuple(detail::take(t)...); }, tasks);
}

/// The same for a range of functions; the results come in a vector.
template <std::ranges::input_range Functions>
    requires std::invocable<std::ranges::range_reference_t<Functions>>
auto gather(Functions&& functions) {
    using function = std::decay_t<std::ranges::range_reference_t<Functions>>;
    using result = std::invoke_result_t<function&>;
    std::vector<task<result>> tasks;
    detail::joint_wait all;
    for (auto&& f : functions) {
        tasks.push_back(create_task(std::forward<decltype(f)>(f)));
        all.add(tasks.back(), *tasks.back().state());
    }
    all.wait();
    std::vector<detail::value_or_monostate<result>> results;
    results.reserve(tasks.size());
    for (auto& t : tasks) results.push_back(detail::take(t));
    return results;
}

}  // namespace crocus
