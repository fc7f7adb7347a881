#include <crocus/coroutine.hpp>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

#include "detail/ending.hpp"

namespace crocus {

namespace detail {

namespace {

constinit abandoned_list<coroutine_state> abandoned;

/// A handle's share that its coroutine's loop drops. Where the loop has ended without, it has ended the coroutine too,
/// or that is kept for ever.
struct drop_if_ended {
    void operator()(coroutine_state* state) const noexcept {
        if (state->status() == generator_status::closed) state->drop_owner();
    }
};
using left_to_loop = std::unique_ptr<coroutine_state, drop_if_ended>;

constexpr const char* while_destroyed = "while a coroutine was destroyed";

}  // namespace

std::string coroutine_state::describe() const {
    const std::string given = name();
    return "coroutine " + (given.empty() ? "" : "'" + given + "' ") + "(made at " + site().file_name() + ":" +
           std::to_string(site().line()) + ")";
}

// ------------------------------------------------------------------------------------------- as a part of the caller

void coroutine_state::take() {
    if (status_ == generator_status::closed) throw coroutine_already_awaited();
    if (status_ != generator_status::created) throw coroutine_being_awaited();
    taken_ = true;
}

void coroutine_state::run_here() {
    take();
    struct ended {
        coroutine_state& self;
        ~ended() {
            self.release_body();
            self.status_ = generator_status::closed;
        }
    } const at_end{*this};
    status_ = generator_status::running;
    try {
        run_body();
    } catch (const stop_iteration_error&) {
        std::rethrow_exception(converted_stop_iteration<coroutine_raised_stop_iteration>());
    }
}

// ----------------------------------------------------------------------------------------------------- driven by hand

void coroutine_state::require_drivable() const {
    if (status_ == generator_status::running) throw coroutine_already_executing();
    if (wait_ && this_thread().loop != loop_)
        throw wrong_loop(describe() + " waits in another loop: until it goes on it can be driven there only");
}

void coroutine_state::send() {
    if (status_ == generator_status::closed) throw coroutine_already_awaited();
    require_drivable();
    if (status_ == generator_status::created)
        begin();
    else if (!ready())
        return;
    enter();
}

void coroutine_state::throw_(std::exception_ptr error) {
    if (!error) throw usage_error("coroutine::throw_: there is no exception in the exception_ptr that it was given");
    if (status_ == generator_status::closed) throw coroutine_already_awaited();
    require_drivable();
    if (status_ == generator_status::created) {
        finish_unstarted();
        std::rethrow_exception(std::move(error));
    }
    throw_in(std::move(error));
}

void coroutine_state::close() {
    require_drivable();
    if (status_ == generator_status::created) finish_unstarted();
    if (status_ == generator_status::closed) return;
    try {
        throw_in(std::make_exception_ptr(generator_exit()));
    } catch (const generator_exit&) {
        return;
    }
    if (status_ == generator_status::suspended) throw coroutine_ignored_exit();
}

/// Where it waits while an exception unwinds it, or holding cancellation, nothing is raised: it keeps waiting, and
/// finds the exception at its next wait outside. (A destructor that an exception leaves ends the process.)
void coroutine_state::throw_in(std::exception_ptr error) {
    thrown_ = std::move(error);
    if (raisable_ || ready()) enter();
}

void coroutine_state::finish_unstarted() noexcept {
    status_ = generator_status::closed;
    release_body();
}

void coroutine_state::begin() {
    fiber_.emplace(stack(stack_size_), entry, this);
    fiber_->set_identity(&identity_);
    flow_ = &*fiber_;
    taken_ = true;
}

/// Returns when it waits or has ended. While it runs it is the agent that waits, on this thread, and not the one that
/// drives it.
void coroutine_state::enter() {
    end_wait();
    status_ = generator_status::running;
    driver_ = &fiber::current();
    thread_state& before = this_thread();
    agent* const outer = std::exchange(before.driven, this);
    driven_by_ = static_cast<coroutine_state*>(outer);  // there is no other kind
    if (outer == nullptr && before.loop != nullptr) before.loop->begin_driving();
    flow_->enter();
    thread_state& after = this_thread();
    after.driven = outer;
    if (outer == nullptr && after.loop != nullptr) after.loop->end_driving();
    if (std::exchange(orphaned_, false) && status_ == generator_status::suspended && !end()) give_up();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void coroutine_state::entry(fiber&, void* argument) {
    auto& self = *static_cast<coroutine_state*>(argument);
    self.run();
    self.status_ = generator_status::closed;
    fiber::exit_to(
        *self.driver_, [](void* ended) noexcept { static_cast<coroutine_state*>(ended)->fiber_.reset(); }, argument);
}

void coroutine_state::run() noexcept {
    try {
        run_body();
        throw_if_cancelled();  // a request that was never delivered (T9)
    } catch (const stop_iteration_error&) {
        error_ = converted_stop_iteration<coroutine_raised_stop_iteration>();
    } catch (...) {
        error_ = std::current_exception();
    }
    hold_cancellation();  // from here on only destructors run
    release_body();
    release_cancellation();
    if (!error_) error_ = std::move(thrown_);  // likewise never raised
    thrown_ = nullptr;
}

// ----------------------------------------------------------------------------------------------- where it is suspended

void coroutine_state::suspend() {
    raisable_ = !holds_cancellation();
    thread_state& t = this_thread();
    const int error_number = *t.error_number;
    flow_ = t.running;
    status_ = generator_status::suspended;
    driver_->enter(t);
    *this_thread().error_number = error_number;
}

void coroutine_state::raise_thrown() {
    if (thrown_ && !holds_cancellation()) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void coroutine_state::park() {
    raise_thrown();
    begin_wait(nullptr);
    suspend();
    raise_thrown();
}

/// What has been notified has got what it waited for, a permit, say, and would lose it to an exception: that is left to
/// the next wait. A future keeps its result.
void coroutine_state::park_as(waiter& as) {
    raise_thrown();
    auto* const of_future = dynamic_cast<awaiting*>(&as);
    begin_wait(of_future != nullptr ? &of_future->target() : nullptr);
    suspend();
    if (of_future != nullptr || !static_cast<wait_queue::parked&>(as).was_notified()) raise_thrown();
}

void coroutine_state::unpark() noexcept {
    if (!ready()) wait_->finish();
}

/// It lets others run: that is its driver's to do.
void coroutine_state::reschedule() {
    raise_thrown();
    suspend();
    raise_thrown();
}

void coroutine_state::begin_wait(future_state* future) {
    loop_ = &event_loop::current();
    loop_ref_ = loop_->ref();
    wait_ = counted<future_state>(new future_values<void>(site(), *loop_));
    future_ = counted<future_state>(future);
    link_ = &loop_->waiting_coroutines();
    next_ = std::exchange(*link_, this);
    if (next_ != nullptr) next_->link_ = &next_;
}

/// It goes on, because it can or because something is raised in it: whoever looks at what it waited for is told.
void coroutine_state::end_wait() noexcept {
    unpark();
    leave_loop();
    loop_ref_.reset();
    wait_ = {};
    future_ = {};
}

void coroutine_state::leave_loop() noexcept {
    if (link_ == nullptr) return;
    *link_ = next_;
    if (next_ != nullptr) next_->link_ = link_;
    link_ = nullptr;
}

// ----------------------------------------------------------------------------------------------------------- its end

/// A coroutine that waits belongs to its loop's thread; elsewhere its end is left to that loop.
void coroutine_state::let_go(coroutine_state* state) noexcept {
    if (state->status_ == generator_status::created) {
        if (!state->taken_)
            report_unraisable(while_destroyed, std::make_exception_ptr(coroutine_never_awaited(state->describe())));
        state->finish_unstarted();
    } else if (state->status_ == generator_status::running) {
        state->orphaned_ = true;
    } else if (state->status_ == generator_status::suspended) {
        if (state->wait_ && this_thread().loop != state->loop_) {
            const loop_ref loop = *state->loop_ref_;
            loop.call_soon([left = left_to_loop(state)]() mutable { let_go(left.release()); });
            return;
        }
        if (!state->end()) state->give_up();
    }
    state->drop_owner();
}

void coroutine_state::end_with_loop() noexcept {
    const counted<coroutine_state> keep(this);  // its handle may go
    if (!end()) give_up();
}

/// Closes it for good. False if it would not leave. A clean-up may wait as often as it likes; what only lets others run
/// instead of leaving could do so for ever.
bool coroutine_state::end() noexcept {
    bool reported = false;
    for (int attempt = 0; attempt != closing_attempts;) {
        try {
            close();
            return true;
        } catch (const coroutine_ignored_exit&) {
            if (raisable_ && !std::exchange(reported, true))
                report_unraisable(while_destroyed, std::current_exception());
        } catch (...) {
            report_unraisable(while_destroyed, std::current_exception());
            if (status_ == generator_status::closed) return true;
        }
        if (raisable_ || ready()) ++attempt;
        try {
            wait_for_clean_up();
        } catch (...) {
            if (!reported) report_unraisable(while_destroyed, std::current_exception());
            return false;
        }
    }
    return false;
}

/// A destructor that says goodbye over a socket, say: what its frames refer to must not go away before.
void coroutine_state::wait_for_clean_up() {
    if (raisable_ || ready()) return;
    defer_cancellation([this] { awaited(wait_, future_).await(); });
}

void coroutine_state::give_up() noexcept {
    if (link_ != nullptr) loop_->keep_for_ever();
    leave_loop();
    if (std::exchange(given_up_, true)) return;
    add_owner();
    abandoned.add(*this, next_);
}

}  // namespace detail

void awaited::await() const {
    if (!over_) return yield_now();
    const auto over = over_;  // this may go away while it waits
    if (over->done()) return;
    class wake final : public detail::waiter {
    public:
        void notified() noexcept override { queue.notify_all(); }
        wait_queue queue;
    } w;
    require_own_loop();
    over->on_done(w);
    w.queue.wait();
}

void awaited::require_own_loop() const {
    const event_loop* const loop = event_loop::current_if_any();
    if (loop == nullptr || loop->id() != over_->loop_id())
        throw wrong_loop("what a coroutine waits for can be awaited only in the loop that it waits in");
}

}  // namespace crocus
