// Waiting for several things at once (asyncio.gather, wait, as_completed), and for one without cancelling it (shield).
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/gathered.hpp>
#include <crocus/detail/joint_wait.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/outcome.hpp>
#include <crocus/task.hpp>

namespace crocus {

// -------------------------------------------------------------------------------------------------------------- gather

/// Waits for all of `parts` and returns their results in the order of the arguments: std::monostate for void. (T24)
/// Each is a handle (a future, a task), or becomes a task: a function, a coroutine, anything else that await takes.
///
/// If one fails, its exception is raised: at once where all are handles, whose tasks go on; what they fail with later
/// counts as retrieved. Tasks that gather has made are cancelled and awaited before, so nothing that the functions
/// refer to is used after gather has returned. A cancellation of the caller cancels all, handles too, each time, and
/// is raised when all have ended. (T25)
///
/// Suspends: until all have ended, or one has failed
/// Throws:   what the first that failed threw; cancelled_error
///           usage_error   a handle belongs to another thread's loop, or is the task that calls
/// Cost:     a task for each that is no handle
template <class... Parts>
    requires(detail::gatherable<Parts> && ...)
auto gather(Parts&&... parts) {
    // Functions are referred to, not copied: they are the caller's, and gather outlives their use.
    // Braces: the tasks are made, and so start, in the order of the arguments.
    detail::joint_wait::room<sizeof...(Parts)> room;
    detail::joint_wait all(room);
    std::tuple handles{detail::take_part<true>(all, std::forward<Parts>(parts))...};
    all.gather(true);
    return std::apply([](auto&... h) { return std::tuple<decltype(h.result())...>{h.result()...}; }, handles);
}

/// The same for a range; the results come in a vector: std::reference_wrapper for references. Functions that are made
/// on the way move into their tasks.
template <std::ranges::input_range Parts>
    requires detail::gatherable<std::ranges::range_reference_t<Parts>>
auto gather(Parts&& parts) {
    detail::joint_wait all;
    auto handles = detail::take_parts(all, parts);
    all.gather(true);
    using result = decltype(handles.front().result());
    using referred = std::reference_wrapper<std::remove_reference_t<result>>;
    std::vector<std::conditional_t<std::is_reference_v<result>, referred, result>> results;
    results.reserve(handles.size());
    for (auto& h : handles) results.push_back(h.result());
    return results;
}

/// gather(return_exceptions, ...) gives an outcome for each: failures, and cancellations of single parts, are values
/// too, and end nothing. Only a cancellation of the caller is raised. (T24, T25)
struct return_exceptions_t {
    explicit return_exceptions_t() = default;
};
inline constexpr return_exceptions_t return_exceptions{};

template <class... Parts>
    requires(detail::gatherable<Parts> && ...)
auto gather(return_exceptions_t, Parts&&... parts) {
    detail::joint_wait::room<sizeof...(Parts)> room;
    detail::joint_wait all(room);
    std::tuple handles{detail::take_part<true>(all, std::forward<Parts>(parts))...};
    all.gather(false);
    return std::apply([](auto&... h) { return std::tuple{h.as_outcome()...}; }, handles);
}
template <std::ranges::input_range Parts>
    requires detail::gatherable<std::ranges::range_reference_t<Parts>>
auto gather(return_exceptions_t, Parts&& parts) {
    detail::joint_wait all;
    auto handles = detail::take_parts(all, parts);
    all.gather(false);
    std::vector<decltype(handles.front().as_outcome())> outcomes;
    outcomes.reserve(handles.size());
    for (auto& h : handles) outcomes.push_back(h.as_outcome());
    return outcomes;
}

// ---------------------------------------------------------------------------------------------------------------- wait

/// When wait returns: with the end of all, of the first, or of the first that throws; a cancelled one does not count as
/// such.
enum wait_condition : unsigned char {
    all_completed = detail::joint_wait::all_ended,
    first_completed = detail::joint_wait::one_ended,
    first_exception = detail::joint_wait::one_threw
};

struct wait_options {
    std::optional<duration> timeout = {};
    wait_condition return_when = all_completed;
};

template <class Handle>
struct wait_result {
    std::vector<Handle> done;  // in the order of the range, as those that follow; each handle once
    std::vector<Handle> pending;
};

/// Waits for futures, or tasks (any_task, say, where their results differ in type), and says which are done when it
/// returns. It raises none of their exceptions, cancels none of them, also not when the caller is cancelled (T15), and
/// when the time is up it just returns. (T26)
///
/// Suspends: until the condition holds or the timeout has passed
/// Throws:   cancelled_error   the caller was cancelled
///           usage_error       there is none to wait for; a handle belongs to another thread's loop, or is the task
///                             that calls
template <std::ranges::input_range Handles>
    requires detail::handle_type<std::ranges::range_value_t<Handles>>
auto wait(Handles&& handles, wait_options options = {}) {
    wait_result<std::ranges::range_value_t<Handles>> result;
    auto distinct = detail::distinct_handles(std::forward<Handles>(handles));
    if (distinct.empty()) throw usage_error("wait: there is nothing to wait for; check for that before");
    const auto condition = static_cast<detail::joint_wait::until>(options.return_when);
    {
        detail::joint_wait all;
        detail::watch_all(all, distinct);
        if (options.timeout)
            static_cast<void>(all.wait_until(condition, event_loop::current().time_after(*options.timeout)));
        else
            all.wait(condition);
    }
    for (auto& h : distinct) (h.done() ? result.done : result.pending).push_back(std::move(h));
    return result;
}
template <detail::handle_type Handle>
auto wait(std::initializer_list<Handle> handles, wait_options options = {}) {
    return wait(std::views::all(handles), options);
}

/// Functions and coroutines are refused: who would wait for those that are left?
template <std::ranges::input_range Parts>
    requires(!detail::handle_type<std::ranges::range_value_t<Parts>> &&
             detail::gatherable<std::ranges::range_reference_t<Parts>>)
void wait(Parts&&, wait_options = {}) {
    static_assert(detail::handle_type<std::ranges::range_value_t<Parts>>,
                  "wait takes handles, and leaves them running: make tasks with create_task, or call gather");
}

// -------------------------------------------------------------------------------------------------------- as_completed

/// The handles that as_completed was given, or made, in the order in which they end: a range that is iterated once, and
/// waits as it is.
///
///     for (auto& done : crocus::as_completed(tasks)) use(done.get());
///
/// A loop that was left, also by an exception, may be followed by another one, which goes on with the next handle.
///
/// After: destroyed before its end: tasks that as_completed has made are cancelled and awaited; a failure that nobody
///        has retrieved is reported. Handles that it was given go on.
/// Thread: the loop's own, one task at a time.
template <class Handle>
class completions : public std::ranges::view_base {
public:
    class iterator {
    public:
        using value_type = Handle;
        using difference_type = std::ptrdiff_t;

        /// A handle that is done.
        [[nodiscard]] Handle& operator*() const noexcept { return *of_->current; }
        [[nodiscard]] Handle* operator->() const noexcept { return of_->current; }

        /// Suspends, Throws: as completions::next
        iterator& operator++() {
            of_->step();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
            return it.of_->current == nullptr;
        }

    private:
        friend class completions;
        explicit iterator(detail::completions_state<Handle>& of) noexcept : of_(&of) {}

        detail::completions_state<Handle>* of_;
    };

    explicit completions(std::unique_ptr<detail::completions_state<Handle>> state) noexcept
        : state_(std::move(state)) {}

    /// The next handle that is done; nothing after the last one.
    ///
    /// Suspends: until there is one
    /// Throws:   timeout_error     the time was up first; the next step goes on, without a limit
    ///           cancelled_error   the caller was cancelled; no handle was passed over
    std::optional<Handle> next() {
        state_->step();
        return state_->current != nullptr ? std::optional<Handle>(*state_->current) : std::nullopt;
    }

    /// Suspends, Throws: as next()
    [[nodiscard]] iterator begin() {
        state_->step();
        return iterator(*state_);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// How many have not been seen.
    [[nodiscard]] std::size_t left() const noexcept { return state_->all.untaken(); }

private:
    std::unique_ptr<detail::completions_state<Handle>> state_;
};

/// A range of the handles that it is given, each once, in the order in which they end. (T29)
///
/// Throws: usage_error   a handle belongs to another thread's loop, or is the task that calls
template <std::ranges::input_range Handles>
    requires detail::handle_type<std::ranges::range_value_t<Handles>>
[[nodiscard]] auto as_completed(Handles&& handles, std::optional<duration> timeout = {}) {
    auto state = std::make_unique<detail::completions_state<std::ranges::range_value_t<Handles>>>(timeout);
    state->handles = detail::distinct_handles(std::forward<Handles>(handles));
    detail::watch_all(state->all, state->handles);
    return completions(std::move(state));
}

/// Calls all functions concurrently, each in a task that it moves or is copied into, as gather's parts, and gives their
/// tasks in the order in which they end. They end with the range: what they refer to must live as long.
template <std::ranges::input_range Parts>
    requires(!detail::handle_type<std::ranges::range_value_t<Parts>> &&
             detail::gatherable<std::decay_t<std::ranges::range_reference_t<Parts>>>)
[[nodiscard]] auto as_completed(Parts&& parts, std::optional<duration> timeout = {}) {
    using started = decltype(detail::start_part<false>(std::declval<detail::joint_wait&>(),
                                                      std::declval<std::ranges::range_reference_t<Parts>>()));
    auto state = std::make_unique<detail::completions_state<started>>(timeout);
    for (auto&& part : parts)
        state->handles.push_back(detail::start_part<false>(state->all, std::forward<decltype(part)>(part)));
    return completions(std::move(state));
}

// -------------------------------------------------------------------------------------------------------------- shield

/// Waits for a future or task without passing a cancellation on: it ends this wait, and `f` goes on. (T30)
///
/// If `f` then fails, and nobody awaits it who retrieves that, it is reported to the loop's exception handler, once.
///
/// Returns what f.get() does.
/// Suspends: until it is done
/// Throws:   what f.get() throws
template <class T>
T shield(const future<T>& f) {
    const auto state = f.state();
    detail::await_shielded(*state);
    return detail::read<T>(*state, false);
}
template <class T>
T shield(future<T>&& f) {
    const auto state = future<T>(std::move(f)).state();
    detail::await_shielded(*state);
    return detail::read<T>(*state, state->owners() == 1);
}

}  // namespace crocus
