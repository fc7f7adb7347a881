#include <crocus/generator.hpp>

#include <new>

#include <crocus/unraisable.hpp>

#include "detail/ending.hpp"

namespace crocus::detail {

namespace {

constinit abandoned_list<generator_state> abandoned;

bool is_exit(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const generator_exit&) {
        return true;
    } catch (...) {
        return false;
    }
}

}  // namespace

generator_state::~generator_state() { leave_chains(); }

generator_status generator_state::status() const noexcept {
    switch (phase_) {
        case phase::created: return generator_status::created;
        case phase::running: return generator_status::running;
        case phase::closed: return generator_status::closed;
        default: return runs_in_chain() ? generator_status::running : generator_status::suspended;
    }
}

void generator_state::set_name(std::string name) {
    name_.set(std::move(name));
    identity_.name = &name_;
}

void generator_state::require_not_running() const {
    if (status() == generator_status::running) throw generator_already_executing();
}

void generator_state::require_sendable() const {
    require_not_running();
    if (phase_ == phase::created) throw generator_not_started();
}

void generator_state::throw_may_not_yield(const thread_state& t) const {
    if (t.running == &own_fiber()) throw yield_across_scope();
    throw wrong_fiber();
}

/// Gives the body its stack.
void generator_state::begin() {
    new (own_fiber_) fiber(stack(stack_size_), &generator_state::entry, this);
    own_fiber().set_identity(&identity_);
    resumer_ = &fiber::current();  // later ones are seen by the body itself, at its yield
}

void generator_state::finish_unstarted() noexcept {
    phase_ = phase::closed;
    release_body();
}

void generator_state::switch_in_specially() {
    phase_ = phase::running;
    own_fiber().set_entered_in_unwinding(fiber::current().unwinding());
    own_fiber().enter_specially();
}

void generator_state::rethrow() {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void generator_state::rethrow_thrown() { std::rethrow_exception(std::exchange(thrown_, nullptr)); }

void generator_state::resume_ahead() {
    if (phase_ == phase::created) return resume();  // it has no fiber yet
    struct interception {
        generator_state& of;
        ~interception() {
            if (!of.closed()) of.own_fiber().intercept_yields(false);
        }
    } const while_it_runs{*this};
    own_fiber().intercept_yields(true);
    resume();
}

void generator_state::resume_with(std::exception_ptr error) {
    if (!error) throw usage_error("generator::throw_: there is no exception in the exception_ptr that it was given");
    require_not_running();
    if (phase_ == phase::created) finish_unstarted();
    if (phase_ == phase::closed) std::rethrow_exception(std::move(error));
    const bool own = !delegating_ || is_exit(error);  // G63
    (own ? prepare_own(std::move(error)) : prepare_chain(std::move(error)))->switch_in();
    settle();
    rethrow();
}

void generator_state::close() {
    require_not_running();
    if (phase_ == phase::created) finish_unstarted();
    if (phase_ == phase::closed) return;
    prepare_own(std::make_exception_ptr(generator_exit()))->switch_in();
    settle();
    if (phase_ != phase::closed) throw generator_ignored_exit();
    if (error_ && is_exit(error_)) error_ = nullptr;
    rethrow();
}

void generator_state::entry(fiber&, void* argument) {
    auto& self = *static_cast<generator_state*>(argument);
    try {
        self.run_body();
    } catch (const stop_iteration_error&) {
        self.error_ = converted_stop_iteration<generator_raised_stop_iteration>();
    } catch (...) {
        self.error_ = std::current_exception();
    }
    self.release_body();
    self.phase_ = phase::closed;
    fiber& next = self.root_ != nullptr ? self.hand_over() : *self.resumer_;
    fiber::exit_to(
        next, [](void* ended) noexcept { static_cast<generator_state*>(ended)->own_fiber().~fiber(); },
        argument);
}

/// True if the body is gone, so that the state can be destroyed. A cancellation that comes while the body's clean-up
/// waits has nobody to go to here: it is held, as in any destructor.
bool generator_state::close_for_destruction() noexcept {
    const char* const where = "while a generator was destroyed";
    if (closed()) {
        if (error_) report_unraisable(where, std::exchange(error_, nullptr));
        return true;
    }
    if (phase_ == phase::created) {
        finish_unstarted();
        return true;
    }
    struct destruction {
        destruction() noexcept { fiber::begin_unwinding(); }
        ~destruction() { fiber::end_unwinding(); }
    } const holds_cancellation;
    for (int attempt = 0; attempt != closing_attempts; ++attempt) {
        try {
            close();
            return true;
        } catch (const generator_ignored_exit&) {
            if (attempt == 0) report_unraisable(where, std::current_exception());
        } catch (...) {
            report_unraisable(where, std::current_exception());
            return closed();
        }
    }
    return false;
}

void generator_closer::operator()(generator_state* state) const noexcept {
    if (state->close_for_destruction()) {
        delete state;
        return;
    }
    abandoned.add(*state, state->next_abandoned_);
}

}  // namespace crocus::detail
