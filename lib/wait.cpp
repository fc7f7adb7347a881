#include <crocus/wait.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <numeric>
#include <set>
#include <utility>

#include <crocus/unraisable.hpp>

namespace crocus::detail {

/// Who gathers: a cancellation goes to all that he waits for, whose ends then end the wait. If the request comes back
/// to him, since tasks await each other in a circle, it ends the wait itself.
class joint_wait::forwarding final : public wait_queue::parked {
public:
    explicit forwarding(joint_wait& whole) noexcept : whole_(whole) {}

    bool cancel(const std::string& message) override {
        if (std::exchange(whole_.forwarding_, true)) return parked::cancel(message);
        whole_.until_ = all_ended;
        whole_.message_ = message;
        whole_.cancelled_ = true;
        whole_.cancel_all(message);
        whole_.forwarding_ = false;
        return true;
    }

private:
    joint_wait& whole_;
};

agent* joint_wait::member::who() const noexcept {
    const auto waiting = whole_.progress_.agents();
    return waiting.empty() ? nullptr : waiting.front();
}

// -------------------------------------------------------------------------------------------------------- the members

void joint_wait::reserve(std::size_t count) {
    constexpr std::size_t least = 8;
    if (count == 0) return;
    if (first_.size != 0) more_.reserve(more_.size() + 1);
    const std::size_t size = first_.size == 0 ? count : std::max({count, 2 * newest().size, least});
    const chunk made{std::allocator<member>().allocate(size), 0, size, true};
    if (first_.size == 0)
        first_ = made;
    else
        more_.push_back(made);
}

template <class F>
void joint_wait::for_each(F f) {
    const auto each = [&f](const chunk& c) { std::for_each_n(c.members, c.used, f); };
    each(first_);
    std::ranges::for_each(more_, each);
}

void joint_wait::watch(future_state& state) {
    state.require_not_own();
    require_room();
    add(state, false);
}

void joint_wait::add(future_state& state, bool own) noexcept {
    chunk& c = newest();
    member& m = *std::construct_at(c.members + c.used++, *this, state, count_++, own);
    ++running_;
    ++untaken_;
    if (own) ++own_running_;
    if (state.done())
        ended(m);
    else
        state.on_done(m);
}

void joint_wait::ended(member& m) noexcept {
    --running_;
    if (m.own_) --own_running_;
    (first_ended_ != nullptr ? last_ended_->next_ended_ : first_ended_) = &m;
    last_ended_ = &m;
    const bool threw = m.state_->failed();
    one_threw_ = one_threw_ || threw;
    if (first_failed_ == nullptr && (threw || m.state_->cancelled())) first_failed_ = &m;
    if (over()) progress_.notify_one();
}

std::size_t joint_wait::take_ended() noexcept {
    --untaken_;
    member& m = *first_ended_;
    first_ended_ = m.next_ended_;
    return m.number_;
}

// ---------------------------------------------------------------------------------------------------------- the waits

bool joint_wait::over() const noexcept {
    switch (until_) {
        case own_ended:
            return own_running_ == 0;
        case one_ended:
            return first_ended_ != nullptr || running_ == 0;
        case one_threw:
            return one_threw_ || running_ == 0;
        case one_failed:
            return first_failed_ != nullptr || running_ == 0;
        case all_ended:
            break;
    }
    return running_ == 0;
}

void joint_wait::wait(until what) {
    until_ = what;
    while (!over()) progress_.wait();
}

bool joint_wait::wait_until(until what, time_point deadline) {
    until_ = what;
    while (!over())
        if (!progress_.wait_until(deadline)) return over();
    return true;
}

void joint_wait::gather(bool first_failure_counts) {
    until_ = first_failure_counts ? one_failed : all_ended;
    agent& who = agent::current();
    if (!over() && who.cancel_pending()) [[unlikely]]
        if (const auto message = who.take_cancellation()) forwarding(*this).cancel(*message);  // as if it came now (T8)
    while (!over()) {
        forwarding w(*this);
        progress_.wait(w);
    }
    const counted<future_state> failed =
        first_failure_counts && first_failed_ != nullptr ? first_failed_->state_ : counted<future_state>();
    if (failed && !cancelled_) end_own("another function of the same gather failed");
    for_each([&](member& m) {
        if (failed || cancelled_) m.state_->mark_retrieved();
        m.state_ = {};  // whoever holds the last handle may move the result
    });
    if (cancelled_) throw cancelled_error(message_);
    if (failed) failed->require_value();
}

/// A future that is there several times is cancelled once.
void joint_wait::cancel_all(const std::string& message) {
    std::set<const future_state*> seen;
    for_each([&](member& m) {
        if (!m.state_->done() && (m.own_ || seen.insert(m.state_.get()).second)) m.state_->cancel(message);
    });
}

// ------------------------------------------------------------------------------------------------- those of its own

joint_wait::~joint_wait() {
    if (own_running_ != 0) end_own("nobody waits for this any more");
    for_each([](member& m) { std::destroy_at(&m); });
    const auto free = [](const chunk& c) {
        if (c.own) std::allocator<member>().deallocate(c.members, c.size);
    };
    free(first_);
    std::ranges::for_each(more_, free);
}

void joint_wait::end_own(const std::string& message) {
    for_each([&](member& m) {
        if (m.own_ && !m.state_->done()) m.state_->cancel(message);
    });
    if (own_running_ == 0) return;
    if (!event_loop::in_task()) {
        report_unraisable("as_completed was dropped where nothing can wait for the functions that still run",
                          std::make_exception_ptr(cannot_suspend("they were cancelled, and go on by themselves")));
        return;
    }
    defer_cancellation([this] { wait(own_ended); });
}

// ----------------------------------------------------------------------------------------------------------- functions

std::vector<bool> first_occurrences(std::span<const future_state* const> states) {
    std::vector<std::size_t> order(states.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(states[i], i); });
    std::vector<bool> first(states.size(), true);
    for (std::size_t i = 1; i < order.size(); ++i) first[order[i]] = states[order[i]] != states[order[i - 1]];
    return first;
}

void await_shielded(future_state& state) {
    if (state.done()) return;
    joint_wait::room<1> room;
    joint_wait one(room);
    one.watch(state);
    try {
        one.wait(joint_wait::all_ended);
    } catch (...) {
        state.report_failure_soon();
        throw;
    }
}

}  // namespace crocus::detail
