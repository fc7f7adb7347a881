// Waiting for the first of several things, of which exactly one has its effect.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/selection.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/queue.hpp>
#include <crocus/sync/event.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/timeout.hpp>

namespace crocus {

namespace detail {

/// What select takes. A type of one's own, for things that tasks wait for in other ways, has these members:
///
///     bool try_now();                          claims what it waits for, if that is there
///     void enter(detail::selection&);          adds a place that will report; that leaves the place again
///     bool entered_as(const selection::place*) that was it
///     bool claim();                            after that report: false if it is not there after all, and select goes
///     on R handle();                              takes what was claimed, and calls the handler
///
/// What try_now and claim throw leaves select: nothing was claimed.
template <class Case>
concept select_case = std::is_object_v<Case> && requires(Case& c, selection& s, const selection::place* p) {
    { c.try_now() } -> std::same_as<bool>;
    c.enter(s);
    { c.entered_as(p) } -> std::same_as<bool>;
    { c.claim() } -> std::same_as<bool>;
    c.handle();
};

template <class Case>
using handled = decltype(std::declval<Case&>().handle());

/// What the first handler returns, and whether all return that.
template <class First, class... Others>
struct handlers_of {
    using result = handled<First>;
    static constexpr bool agree = (std::same_as<handled<Others>, result> && ...);
};
template <class... Cases>
using select_result = typename handlers_of<Cases...>::result;

constexpr std::size_t no_case = static_cast<std::size_t>(-1);

/// The first one that can have its effect now.
template <class... Cases>
std::size_t try_in_order(Cases&... cases) {
    std::size_t number = 0;
    return ((cases.try_now() || (++number, false)) || ...) ? number : no_case;
}

/// Requires: none can.
template <class... Cases>
std::size_t wait_for_first(Cases&... cases) {
    for (;;) {
        selection places;
        (cases.enter(places), ...);
        const auto* const chosen = places.wait();
        std::size_t number = 0;
        bool claimed = false;
        static_cast<void>(((cases.entered_as(chosen) ? (claimed = cases.claim(), true) : (++number, false)) || ...));
        if (claimed) return number;
        if (const std::size_t other = try_in_order(cases...); other != no_case) return other;
    }
}

template <class Result, class Case, class... Others>
Result handle_numbered(std::size_t number, Case& c, Others&... others) {
    if constexpr (sizeof...(Others) != 0)
        if (number != 0) return handle_numbered<Result>(number - 1, others...);
    return c.handle();
}

template <class... Cases>
concept select_cases = sizeof...(Cases) != 0 && (select_case<Cases> && ...);

}  // namespace detail

/// Waits for the first of several cases, and calls its handler; returns what that returns. The others have had no
/// effect at all. (T22 of the users)
///
///     const bool goes_on = crocus::select(
///         crocus::on_get(requests, [](request r) { serve(std::move(r)); return true; }),
///         crocus::on_set(stopping, [] { return false; }),
///         crocus::on_timeout(5s, [] { keep_alive(); return true; }));
///
/// If several are there already, the first one that is listed wins, and select does not suspend: who wants to be fair
/// to two queues lists them in turns. Else the first that comes. The handler is called in the caller's flow when all is
/// over, and may do anything.
///
/// Suspends: while none is there
/// Throws:   cancelled_error   the caller was cancelled; no case had an effect
///           queue_shut_down   one of the queues was shut down (and, to get from it, is empty)
///           what the handler throws
///           usage_error       a future is another thread's loop's, or the task that calls; what a case waits for was
///                             destroyed
/// Cost:     no allocation
template <class... Cases>
    requires detail::select_cases<Cases...>
decltype(auto) select(Cases&&... cases) {
    static_assert(detail::handlers_of<Cases...>::agree, "the handlers of a select must all return the same type");
    detail::check_can_suspend();
    std::size_t number = detail::try_in_order(cases...);
    if (number == detail::no_case) number = detail::wait_for_first(cases...);
    return detail::handle_numbered<detail::select_result<Cases...>>(number, cases...);
}

/// The same without waiting: nothing, in an optional, if no case is there; false if the handlers return nothing, and
/// else true.
///
/// Throws: as select, but for cancelled_error
template <class... Cases>
    requires detail::select_cases<Cases...>
auto try_select(Cases&&... cases) {
    static_assert(detail::handlers_of<Cases...>::agree, "the handlers of a try_select must all return the same type");
    using result = detail::select_result<Cases...>;
    using perhaps = typename detail::unless_ended<result>::type;
    const std::size_t number = detail::try_in_order(cases...);
    if (number == detail::no_case) return perhaps();
    if constexpr (std::is_void_v<result>) {
        detail::handle_numbered<result>(number, cases...);
        return true;
    } else {
        return perhaps(detail::handle_numbered<result>(number, cases...));
    }
}

// ----------------------------------------------------------------------------------------------------------- the cases

namespace detail {

/// What waits in one wait_queue, where who is notified has it.
class case_in_queue {
public:
    [[nodiscard]] bool entered_as(const selection::place* p) const noexcept { return p == &place_; }
    [[nodiscard]] bool claim() const {
        place_.require_not_abandoned();
        return true;
    }

protected:
    case_in_queue() noexcept = default;

    void enter(selection& s, wait_queue& q) noexcept {
        q.add(place_);
        s.add(place_);
    }
    queued_place place_;
};

template <class T, class Items, class F>
class get_case : public case_in_queue {
public:
    get_case(basic_queue<T, Items>& q, F f) : q_(q), f_(std::move(f)) {}

    [[nodiscard]] bool try_now() { return q_.gate().try_claim_item_while_open(); }
    void enter(selection& s) noexcept { case_in_queue::enter(s, q_.gate().getters()); }
    [[nodiscard]] bool claim() const {
        place_.require_not_abandoned();  // first: the queue may be gone
        if (place_.was_refused() || q_.gate().items_dropped()) queue_gate::throw_has_nothing_left();
        return true;
    }
    decltype(auto) handle() { return std::invoke(std::move(f_), q_.take()); }

private:
    basic_queue<T, Items>& q_;
    F f_;
};

template <class T, class Items, class Item, class F>
class put_case : public case_in_queue {
public:
    put_case(basic_queue<T, Items>& q, Item&& item, F f) : q_(q), item_(std::forward<Item>(item)), f_(std::move(f)) {}

    [[nodiscard]] bool try_now() { return q_.gate().try_claim_slot(); }
    void enter(selection& s) noexcept { case_in_queue::enter(s, q_.gate().putters()); }
    [[nodiscard]] bool claim() const {
        place_.require_not_abandoned();  // first: the queue may be gone
        if (q_.is_shut_down()) queue_gate::throw_takes_no_more();
        return true;
    }
    decltype(auto) handle() {
        q_.store(std::forward<Item>(item_));
        return std::invoke(std::move(f_));
    }

private:
    basic_queue<T, Items>& q_;
    Item&& item_;
    F f_;
};

template <class F>
class set_case : public case_in_queue {
public:
    set_case(event& e, F f) : event_(e), f_(std::move(f)) {}

    [[nodiscard]] bool try_now() const noexcept { return event_.is_set(); }
    void enter(selection& s) noexcept { case_in_queue::enter(s, event_.waiters()); }
    decltype(auto) handle() { return std::invoke(std::move(f_)); }

private:
    event& event_;
    F f_;
};

template <class F>
class acquire_case : public case_in_queue {
public:
    acquire_case(semaphore& s, F f) : semaphore_(s), f_(std::move(f)) {}

    [[nodiscard]] bool try_now() noexcept { return semaphore_.try_acquire(); }
    void enter(selection& s) noexcept { case_in_queue::enter(s, semaphore_.waiters()); }
    decltype(auto) handle() { return std::invoke(std::move(f_)); }

private:
    semaphore& semaphore_;
    F f_;
};

template <class Handle, class F>
class done_case : public case_in_queue {
public:
    done_case(Handle h, F f) : handle_(std::move(h)), f_(std::move(f)) {}

    [[nodiscard]] bool try_now() const {
        handle_.state()->require_not_own();
        return handle_.done();
    }
    void enter(selection& s) noexcept {
        handle_.state()->on_done(place_);
        s.add(place_);
    }
    decltype(auto) handle() { return std::invoke(std::move(f_), handle_); }

private:
    Handle handle_;
    F f_;
};

template <class F>
class timeout_case {
public:
    timeout_case(duration limit, F f) : limit_(limit), f_(std::move(f)) {}

    [[nodiscard]] bool try_now() const noexcept { return limit_ <= duration::zero(); }
    void enter(selection& s) { place_.enter(s, limit_); }
    [[nodiscard]] bool entered_as(const selection::place* p) const noexcept { return p == &place_; }
    [[nodiscard]] bool claim() const noexcept { return true; }
    decltype(auto) handle() { return std::invoke(std::move(f_)); }

private:
    const duration limit_;
    F f_;
    timed_place place_;
};

}  // namespace detail

/// Takes the next item out of `q`: handler(item).
template <class T, class Items, class F>
    requires std::invocable<F, T>
[[nodiscard]] auto on_get(basic_queue<T, Items>& q, F handler) {
    return detail::get_case<T, Items, F>(q, std::move(handler));
}

/// Puts the item into `q`: handler(). If it is not this case, an rvalue is still the caller's, and else nothing was
/// copied.
template <class T, class Items, class Item, class F>
    requires std::convertible_to<Item, T> && std::invocable<F>
[[nodiscard]] auto on_put(basic_queue<T, Items>& q, Item&& item, F handler) {
    return detail::put_case<T, Items, Item, F>(q, std::forward<Item>(item), std::move(handler));
}

/// The event is set, or was while select waited: handler().
template <std::invocable F>
[[nodiscard]] auto on_set(event& e, F handler) {
    return detail::set_case<F>(e, std::move(handler));
}

/// Takes a permit: handler().
template <std::invocable F>
[[nodiscard]] auto on_acquire(semaphore& s, F handler) {
    return detail::acquire_case<F>(s, std::move(handler));
}

/// The future or task is done: handler(handle), which may ask for its result. It is never cancelled.
template <class Handle, class F>
    requires std::invocable<F, Handle&> && requires(Handle& h) { h.state()->require_not_own(); }
[[nodiscard]] auto on_done(Handle h, F handler) {
    return detail::done_case<Handle, F>(std::move(h), std::move(handler));
}

/// So much time has passed since select began: handler(). At 0 and less it is there at once: listed last, it is what is
/// done where nothing else is there.
template <std::invocable F>
[[nodiscard]] auto on_timeout(duration limit, F handler) {
    return detail::timeout_case<F>(limit, std::move(handler));
}

}  // namespace crocus
