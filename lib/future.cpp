#include <crocus/future.hpp>

#include <optional>
#include <stdexcept>

#include <crocus/unraisable.hpp>

namespace crocus::detail {

class done_callback final : public waiter {
public:
    explicit done_callback(counted<callback> c, done_callback* next) : next_owned(next), what_(std::move(c)) {}
    done_callback* const next_owned;

    void notified() noexcept override {
        what_->schedule();
        if (event_loop* const current = event_loop::current_if_any(); current != nullptr)
            current->make_ready(*counted<callback>(std::move(what_)).release());
        else if (registered_in_)  // what it waited for came from outside of all loops
            registered_in_->post(std::move(what_));
    }

private:
    static std::optional<loop_ref> here() {
        const event_loop* const loop = event_loop::current_if_any();
        return loop != nullptr ? std::optional(loop->ref()) : std::nullopt;
    }

    counted<callback> what_;
    const std::optional<loop_ref> registered_in_ = here();
};

bool awaiting::cancel(const std::string& message) {
    if (std::exchange(forwarding_, true)) return parked::cancel(message);
    const bool cancelled = target_.cancel(message);
    forwarding_ = false;
    return cancelled;
}

/// What set_exception stores (F5).
std::exception_ptr awaitable_error(std::exception_ptr error) {
    if (!error) throw std::invalid_argument("future::set_exception: the exception pointer is null");
    try {
        std::rethrow_exception(error);
    } catch (const stop_iteration_error&) {
        try {
            std::throw_with_nested(generator_raised_stop_iteration());
        } catch (...) {
            return std::current_exception();
        }
    } catch (...) {
        return error;
    }
}

void future_state::drop_callbacks() noexcept {
    while (callbacks_ != nullptr) delete std::exchange(callbacks_, callbacks_->next_owned);
}

void future_state::report_unretrieved() noexcept {
    const std::string message = "exception of " + describe() + " was never retrieved";
    event_loop* const loop = event_loop::current_if_any();
    if (loop != nullptr && loop->id() == loop_id_)
        loop->call_exception_handler({message, error_});
    else
        report_unraisable(message, error_);
}

std::string future_state::describe() const {
    return std::string("a future (made at ") + site_.file_name() + ":" + std::to_string(site_.line()) + ")";
}

std::string future_state::to_string() const {
    std::string text = describe();
    if (cancelled()) return text + ", cancelled";
    if (done()) return text + (failed() ? ", failed" : ", finished");
    text += ", pending";
    if (const std::size_t waiting = awaited_by().size(); waiting != 0)
        text += ", " + std::to_string(waiting) + " wait for it";
    return text;
}

void future_state::require_this_loop() const {
    if (event_loop::current().id() != loop_id_)
        throw usage_error(describe() + " belongs to " + event_loop::owner_of(loop_id_) +
                          "; concurrent_future crosses threads");
}

void future_state::require_awaitable() {
    require_not_own();
    agent& who = agent::current();
    if (who.cancel_pending()) [[unlikely]]
        if (const auto message = who.take_cancellation()) cancel(*message);  // as if it came in the wait (T8)
}

void future_state::throw_failure() {
    if (!done()) throw invalid_state_error("the result is not ready: " + describe() + " is pending; get() awaits it");
    if (cancelled()) throw cancelled_error(cancel_message_.get());
    retrieved_ = true;
    std::rethrow_exception(error_);
}

std::exception_ptr future_state::error() {
    if (!done()) throw invalid_state_error("no exception yet: " + describe() + " is pending");
    if (cancelled()) throw cancelled_error(cancel_message_.get());
    retrieved_ = true;
    return error_;
}

bool future_state::cancel(const std::string& message) {
    if (done()) return false;
    require_own_loop();
    finish_cancelled(message);
    return true;
}

void future_state::require_settable() {
    require_not_task();
    if (done()) throw invalid_state_error("the result is set already: " + describe());
    require_own_loop();
}

void future_state::require_own_loop() const {
    event_loop* const loop = event_loop::current_if_any();
    if (loop != nullptr ? loop->id() != loop_id_ : !done_.empty())
        throw usage_error(describe() + " belongs to " + event_loop::owner_of(loop_id_) +
                          ", and can be settled there only: use loop.call_soon_threadsafe");
}

void future_state::finish_with(std::exception_ptr error) noexcept {
    error_ = std::move(error);
    retrieved_ = claimed_;
    end(status::finished);
    if (report_soon_) [[unlikely]]
        report_soon();
}

/// Those who await it are ready already, and see it first.
void future_state::report_soon() noexcept {
    try {
        event_loop::current().call_soon([self = counted<future_state>(this)] {
            if (std::exchange(self->retrieved_, true)) return;
            event_loop::current().call_exception_handler(
                {"exception in a shielded future, which nobody awaits any more: " + self->describe(), self->error_});
        });
    } catch (...) {
        // It stays unretrieved: its last handle reports it.
    }
}

void future_state::finish_cancelled(const std::string& message) noexcept {
    cancel_message_.set(message);
    end(status::cancelled);
}

handle future_state::add_callback(counted<callback> c) {
    handle h(c);
    if (done()) {
        c->schedule();
        event_loop::current().make_ready(*c.release());
    } else {
        callbacks_ = new done_callback(std::move(c), callbacks_);
        done_.add(*callbacks_);
    }
    return h;
}

}  // namespace crocus::detail
