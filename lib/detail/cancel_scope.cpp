#include <crocus/detail/cancel_scope.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <utility>

#include <crocus/detail/future_state.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

namespace {

/// Calls f with each scope of `who` that is noted; f may have it forgotten.
template <class F>
void each_noted(cancel_scope* first, cancel_scope* cancel_scope::*next, F f) {
    for (auto* s = first; s != nullptr;) {
        auto* const after = s->*next;
        f(*s);
        s = after;
    }
}

cancel_scope* noted_here() noexcept {
    event_loop* const loop = event_loop::current_if_any();
    return loop != nullptr ? loop->noted_scopes() : nullptr;
}

}  // namespace

// --------------------------------------------------------------------------------------------------------- the request

void cancel_scope::request(bool end_wait) noexcept {
    requested_ = true;
    ++who_.cancelling_;
    const bool may_end_wait = end_wait && who_.waiting_ != nullptr && (!who_.wait_held_ || ends_held_wait_);
    if (may_end_wait && who_.waiting_->cancel({})) return;
    undelivered_ = true;
    who_.set_undelivered(who_.undelivered() + 1);
    note(event_loop::current().noted_scopes());
}

bool cancel_scope::awaits(const future_state& f) const noexcept {
    const auto* const w = dynamic_cast<const awaiting*>(who_.waiting_);
    return w != nullptr && &w->target() == &f;
}

/// Never below the others' that have not been delivered, even if somebody took this one back already: none is lost.
void cancel_scope::withdraw() noexcept {
    if (!requested_ || std::exchange(withdrawn_, true)) return;
    if (std::exchange(undelivered_, false)) who_.set_undelivered(std::max(who_.undelivered() - 1, 0));
    const int repeats = who_.repeat_above_ >= 0 ? 1 : 0;
    who_.cancelling_ = std::max(who_.cancelling_ - 1, who_.undelivered() - repeats);
    who_.drop_stale_repeat();
}

bool cancel_scope::ended_body() {
    if (!requested_) return false;
    withdraw();
    if (auto others = who_.take_cancellation()) throw cancelled_error(*std::move(others));
    return undisturbed();
}

void cancel_scope::deliver_again(std::string message) noexcept {
    constexpr int most = std::numeric_limits<std::int16_t>::max();
    const auto above = static_cast<std::int16_t>(std::clamp(delivered_before_, 0, most));
    if (who_.repeat_above_ < 0) {
        who_.set_undelivered(who_.undelivered() + 1);
        who_.repeat_above_ = above;
    } else {
        who_.repeat_above_ = std::min(who_.repeat_above_, above);
    }
    who_.cancel_message_.set(std::move(message));
}

void cancel_scope::leave() noexcept {
    withdraw();
    forget();
}

// -------------------------------------------------------------------------------------------------------- in a hold

void cancel_scope::note_hold() {
    in_hold_ = true;
    holds_ = who_.holds_;
    if (fiber::current().unwinding()) {
        flow_ = &fiber::current();
        uncaught_ = std::uncaught_exceptions();
    }
    note(event_loop::current().noted_scopes());
}

/// In the generators that it resumes while an exception unwinds it, a scope cannot tell its own hold from theirs.
bool cancel_scope::in_same_hold() const noexcept {
    if (who_.holds_ != holds_) return false;
    if (!fiber::current().unwinding()) return flow_ == nullptr;
    return flow_ == &fiber::current() && uncaught_ == std::uncaught_exceptions();
}

// ----------------------------------------------------------------------------------------------------- those noted

void cancel_scope::note(cancel_scope*& first) noexcept {
    if (link_ != nullptr) return;
    next_ = first;
    if (next_ != nullptr) next_->link_ = &next_;
    first = this;
    link_ = &first;
}

void cancel_scope::forget() noexcept {
    if (link_ == nullptr) return;
    *link_ = next_;
    if (next_ != nullptr) next_->link_ = link_;
    link_ = nullptr;
}

void cancel_scope::mark_all_delivered(const agent& who) noexcept {
    each_noted(noted_here(), &cancel_scope::next_, [&](cancel_scope& s) {
        if (&s.who_ != &who) return;
        s.undelivered_ = false;
        if (!s.in_hold_) s.forget();
    });
}

bool cancel_scope::any_due_in_hold(const agent& who) noexcept {
    bool any = false;
    each_noted(noted_here(), &cancel_scope::next_,
               [&](cancel_scope& s) { any = any || (&s.who_ == &who && s.undelivered_ && s.in_same_hold()); });
    return any;
}

int cancel_scope::deliver_in_hold(const agent& who) noexcept {
    int delivered = 0;
    each_noted(noted_here(), &cancel_scope::next_, [&](cancel_scope& s) {
        if (&s.who_ == &who && s.undelivered_ && s.in_hold_ && s.in_same_hold()) {
            s.undelivered_ = false;
            ++delivered;
        }
    });
    return delivered;
}

void cancel_scope::begin_held_wait(const agent& who) noexcept {
    each_noted(noted_here(), &cancel_scope::next_, [&](cancel_scope& s) {
        if (&s.who_ == &who) s.ends_held_wait_ = s.in_hold_ && s.in_same_hold();
    });
}

}  // namespace crocus::detail
