#include <crocus/wait_queue.hpp>

#include <algorithm>

#include <crocus/detail/cancel_scope.hpp>
#include <crocus/error.hpp>
#include <crocus/no_suspend.hpp>

namespace crocus {

agent& agent::find_current() {
    if (agent* const driven = detail::this_thread().driven; driven != nullptr) return *driven;
    if (auto* const running = event_loop::current().running(); running != nullptr) return *running;
    throw cannot_suspend(
        "a loop callback must not suspend: nothing could run until it went on. "
        "Call create_task in the callback, and wait in the task");
}

void agent::park_as(detail::waiter&) { park(); }

bool agent::cancel(std::string message) {
    ++cancelling_;
    if (waiting_ != nullptr && !wait_held_ && waiting_->cancel(message)) return true;
    set_undelivered(undelivered() + 1);
    cancel_message_.set(std::move(message));
    return true;
}

int agent::uncancel() noexcept {
    if (cancelling_ > 0) --cancelling_;
    drop_stale_repeat();
    if (undelivered() > cancelling_) {
        set_undelivered(cancelling_);
        if (cancelling_ == 0) forget_undelivered();
    }
    return cancelling_;
}

/// A request that was to come again was taken back.
void agent::drop_stale_repeat() noexcept {
    if (repeat_above_ < 0 || cancelling_ - (undelivered() - 1) > repeat_above_) return;
    set_undelivered(undelivered() - 1);
    repeat_above_ = -1;
}

void agent::forget_undelivered() noexcept {
    set_undelivered(0);
    repeat_above_ = -1;
    cancel_message_.set({});
    detail::cancel_scope::mark_all_delivered(*this);
}

bool agent::cancellation_due() const noexcept {
    return undelivered() != 0 && (!holds_cancellation() || detail::cancel_scope::any_due_in_hold(*this));
}

/// One that is delivered stands for all that have come.
std::optional<std::string> agent::take_cancellation() {
    if (undelivered() == 0) return std::nullopt;
    if (holds_cancellation()) {
        const int delivered = detail::cancel_scope::deliver_in_hold(*this);
        if (delivered == 0) return std::nullopt;
        set_undelivered(std::max(undelivered() - delivered, 0));
        return std::string();
    }
    std::string message = cancel_message_.take();
    forget_undelivered();
    return message;
}

void agent::throw_cancellation() {
    if (!may_suspend()) no_suspend::refuse(*this);
    if (auto message = take_cancellation()) throw cancelled_error(*std::move(message));
}

namespace detail {

bool waiter::cancel(const std::string&) { return false; }

agent* waiter::who() const noexcept { return nullptr; }

void waiter::leave_queue() noexcept { queue_->remove(*this); }

}  // namespace detail

// ------------------------------------------------------------------------------------------------------- the queue

void wait_queue::add(detail::waiter& w) noexcept {
    w.queue_ = this;
    w.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &w;
    last_ = &w;
}

void wait_queue::remove(detail::waiter& w) noexcept {
    if (w.queue_ == nullptr) return;
    (w.previous_ != nullptr ? w.previous_->next_ : first_) = w.next_;
    (w.next_ != nullptr ? w.next_->previous_ : last_) = w.previous_;
    w.previous_ = w.next_ = nullptr;
    w.queue_ = nullptr;
}

/// Requires: not empty.
inline detail::waiter& wait_queue::take_first() noexcept {
    detail::waiter& w = *first_;
    first_ = w.next_;
    (first_ != nullptr ? first_->previous_ : last_) = nullptr;
    w.next_ = nullptr;
    w.queue_ = nullptr;
    return w;
}

void wait_queue::notify_first() noexcept { take_first().notified(); }

std::size_t wait_queue::notify_every() noexcept {
    std::size_t count = 0;
    for (; !empty(); ++count) notify_first();
    return count;
}

void wait_queue::refuse_all() noexcept {
    while (!empty()) take_first().refused();
}

std::size_t wait_queue::size() const noexcept {
    std::size_t count = 0;
    for (const detail::waiter* w = first_; w != nullptr; w = w->next_) ++count;
    return count;
}

std::vector<agent*> wait_queue::agents() const {
    std::vector<agent*> waiting;
    for (const detail::waiter* w = first_; w != nullptr; w = w->next_)
        if (agent* const a = w->who(); a != nullptr) waiting.push_back(a);
    return waiting;
}

void wait_queue::enter_specially(parked& w) {
    agent& who = w.agent_;
    who.throw_if_cancelled();
    if (first_ != nullptr) [[unlikely]]
        require_same_loop(w);
    add(w);
    who.waiting_ = &w;
    who.wait_held_ = who.holds_cancellation();
    if (who.wait_held_) [[unlikely]]
        detail::cancel_scope::begin_held_wait(who);
}

/// Whoever notifies them could not tell which of them are its own loop's to wake.
void wait_queue::require_same_loop(const parked& newcomer) const {
    const agent* const other = first_->who();
    if (other == nullptr || !other->green_ || !newcomer.agent_.green_) return;
    const event_loop& theirs = static_cast<const detail::green_agent*>(other)->loop();
    if (&theirs == &static_cast<const detail::green_agent&>(newcomer.agent_).loop()) return;
    throw wrong_loop(std::string("tasks of another loop wait for this ") +
                     (subject_ != nullptr ? subject_->kind : "object") +
                     ": it is one loop's at a time; between loops there is the channel");
}

void wait_queue::abandon() noexcept {
    while (!empty()) take_first().abandoned();
}

bool wait_queue::wait_until(time_point deadline) {
    parked w;
    return wait_until(w, deadline);
}

bool wait_queue::wait_until(parked& w, time_point deadline) {
    struct limit final : detail::timer {
        limit(event_loop& l, parked& p, time_point at)
            : timer(at, [](detail::timer& t) noexcept { static_cast<limit&>(t).of.end(parked::outcome::timed_out); }),
              loop(l),
              of(p) {
            loop.add_timer(*this);
        }
        ~limit() { loop.remove_timer(*this); }
        event_loop& loop;
        parked& of;
    } const until(event_loop::current(), w, deadline);
    wait(w);
    return w.outcome_ != parked::outcome::timed_out;
}

// ------------------------------------------------------------------------------------------------------ a parked agent

/// What comes first counts: a time limit may pass, say, after the notification and before the agent runs.
void wait_queue::parked::end(outcome o) noexcept {
    if (outcome_ != outcome::waiting) return;
    if (queue_ != nullptr) queue_->remove(*this);
    outcome_ = o;
    if (o == outcome::timed_out || o == outcome::cancelled) [[unlikely]]
        gave_up();
    if (agent_.waiting_ == this) agent_.waiting_ = nullptr;
    if (agent_.green_) [[likely]]
        static_cast<detail::green_agent&>(agent_).unpark_here();
    else
        agent_.unpark();
}

void wait_queue::parked::throw_outcome() {
    if (outcome_ == outcome::abandoned) throw usage_error("what this task waited for was destroyed meanwhile");
    throw cancelled_error(message_.take());
}

void wait_queue::parked::notified() noexcept { end(outcome::notified); }

void wait_queue::parked::refused() noexcept { end(outcome::refused); }

void wait_queue::parked::abandoned() noexcept { end(outcome::abandoned); }

bool wait_queue::parked::cancel(const std::string& message) {
    message_.set(message);
    end(outcome::cancelled);
    return true;
}

// ---------------------------------------------------------------------------------------------------------------- time

void detail::yield_specially() {
    agent& who = agent::current();
    who.throw_if_cancelled();
    who.reschedule();
    who.throw_if_cancelled();
}

void sleep_until(time_point t) {
    wait_queue nobody;
    nobody.wait_until(t);
}

void sleep(duration d) {
    if (d <= duration::zero()) return yield_now();
    sleep_until(event_loop::current().time_after(d));
}

}  // namespace crocus
