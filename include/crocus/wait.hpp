// Waiting for several things at once (asyncio.gather).
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus {

namespace detail {

/// Makes tasks for its caller and waits for them. None of them is left running when it is gone.
class CROCUS_EXPORT joint_wait {
public:
    /// Throws: cannot_suspend   the caller is a loop callback
    joint_wait();
    joint_wait(const joint_wait&) = delete;
    joint_wait& operator=(const joint_wait&) = delete;
    ~joint_wait();

    template <class F>
    auto start(F function) {
        make_room();  // first, so that nothing fails once the task is there
        auto t = create_task(std::move(function));
        add(*t.state());
        return t;
    }

    /// Suspends until all have ended. The first failure, or a cancellation of the caller, cancels those that still run,
    /// and is raised once they have ended.
    void wait();

private:
    class member;

    void make_room();
    void add(future_state& state) noexcept;
    void cancel_all(const std::string& message);
    void mark_retrieved() noexcept;

    agent& owner_;               // who waits
    std::list<member> members_;  // the last one may be room for the next
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
    detail::joint_wait all;
    std::tuple tasks{all.start(std::ref(functions))...};
    all.wait();
    return std::apply(
        [](auto&... t) { return std::tuple<decltype(detail::take(t))...>{detail::take(t)...}; }, tasks);
}

/// The same for a range of functions; the results come in a vector: std::reference_wrapper for references.
template <std::ranges::input_range Functions>
    requires std::invocable<std::ranges::range_reference_t<Functions>>
auto gather(Functions&& functions) {
    // Functions that stay where they are are referred to; those that are made on the way move into their tasks.
    using reference = std::ranges::range_reference_t<Functions>;
    constexpr bool stays = std::ranges::forward_range<Functions> && std::is_lvalue_reference_v<reference>;
    using function = std::conditional_t<stays, std::reference_wrapper<std::remove_reference_t<reference>>,
                                        std::decay_t<reference>>;
    detail::joint_wait all;
    std::vector<decltype(all.start(std::declval<function>()))> tasks;
    for (auto&& f : functions) tasks.push_back(all.start(function(std::forward<decltype(f)>(f))));
    all.wait();
    using result = decltype(detail::take(tasks.front()));
    using referred = std::reference_wrapper<std::remove_reference_t<result>>;
    std::vector<std::conditional_t<std::is_reference_v<result>, referred, result>> results;
    results.reserve(tasks.size());
    for (auto& t : tasks) results.push_back(detail::take(t));
    return results;
}

}  // namespace crocus
