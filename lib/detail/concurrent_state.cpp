#include <crocus/detail/concurrent_state.hpp>

#include <algorithm>

#include <crocus/event_loop.hpp>
#include <crocus/unraisable.hpp>
#include <crocus/wait_queue.hpp>

#include "type_name.hpp"

namespace crocus::detail {

/// A task in the state's list, while it waits.
class concurrent_state::enlisted {
public:
    enlisted(concurrent_state& state, event_loop& loop) : place_(loop, subject), state_(state), waits_(loop) {
        auto wake = place_.wake();
        const std::scoped_lock lock(state.mutex_);
        if (!state.done()) state.waiters_.push_back(std::move(wake));
    }
    ~enlisted() {
        const std::scoped_lock lock(state_.mutex_);
        std::erase_if(state_.waiters_, [this](const posted_wake& w) { return w.ends(place_); });
    }
    enlisted(const enlisted&) = delete;
    enlisted& operator=(const enlisted&) = delete;

    void wait(wait_queue::parked& as, const time_point* deadline = nullptr) {
        if (!state_.done()) place_.wait(as, deadline);
    }

private:
    static constexpr wait_subject subject{"a result of another thread", {}};

    posted_wait place_;
    concurrent_state& state_;
    const foreign_wait waits_;
};

/// A task that waits for the state. A result that is there already is not lost to a cancellation: that comes at the
/// task's next wait.
class concurrent_state::parked final : public wait_queue::parked {
public:
    explicit parked(concurrent_state& state) : state_(state) {}
    parked(concurrent_state& state, void (*on_cancel)(void*), void* argument)
        : state_(state), on_cancel_(on_cancel), argument_(argument) {}

    bool cancel(const std::string& message) override {
        if (state_.done()) return false;
        if (!state_.cancel() && on_cancel_ != nullptr) {
            on_cancel_(argument_);
            return false;
        }
        return wait_queue::parked::cancel(message);
    }

private:
    concurrent_state& state_;
    void (*on_cancel_)(void*) = nullptr;
    void* argument_ = nullptr;
};

concurrent_state::~concurrent_state() = default;

// -------------------------------------------------------------------------------------------------------- the producer

bool concurrent_state::start() {
    const std::scoped_lock lock(mutex_);
    if (status_ == status::cancelled) {
        status_ = status::cancelled_and_notified;
        return false;
    }
    if (status_ != status::pending || settling_)
        throw invalid_state_error(
            "set_running_or_notify_cancel() was called a second time, or after the result was set");
    status_ = status::running;
    return true;
}

void concurrent_state::claim() {
    const std::scoped_lock lock(mutex_);
    if (done() || settling_) throw invalid_state_error("the result is set already, or the call was cancelled");
    settling_ = true;
}

void concurrent_state::finish(std::exception_ptr error) noexcept {
    std::unique_lock lock(mutex_);
    error_ = std::move(error);
    status_ = status::finished;
    wake_all(std::move(lock));
}

void concurrent_state::fail(std::exception_ptr error) {
    claim();
    finish(std::move(error));
}

void concurrent_state::abandon(std::exception_ptr error) noexcept {
    {
        const std::scoped_lock lock(mutex_);
        if (done() || settling_) return;
        settling_ = true;
    }
    discard_call();
    finish(std::move(error));
}

bool concurrent_state::cancel() noexcept {
    std::unique_lock lock(mutex_);
    if (cancelled()) return true;
    if (status_ != status::pending || settling_) return false;
    status_ = status::cancelled;
    lock.unlock();
    discard_call();
    lock.lock();
    wake_all(std::move(lock));
    return true;
}

namespace {

void invoke(callback& c) noexcept {
    try {
        c.call();
    } catch (...) {
        report_unraisable("in a done callback of a concurrent_future", std::current_exception());
    }
    c.release();
}

}  // namespace

void concurrent_state::wake_all(std::unique_lock<std::mutex> lock) noexcept {
    auto waiters = std::exchange(waiters_, {});
    const auto callbacks = std::exchange(callbacks_, {});
    settled_.notify_all();
    lock.unlock();
    for (auto& w : waiters) w.post();
    for (const auto& c : callbacks) invoke(*c);
}

void concurrent_state::add_callback(counted<callback> c) {
    {
        const std::scoped_lock lock(mutex_);
        if (!done()) {
            callbacks_.push_back(std::move(c));
            return;
        }
    }
    invoke(*c);
}

// ---------------------------------------------------------------------------------------------------------- the waiter

void concurrent_state::wait() {
    if (done()) return check_can_suspend();
    if (event_loop::current_if_any() == nullptr) return block();
    wait_in_task(nullptr);
}

bool concurrent_state::wait_for(duration d) {
    if (done()) return true;
    if (event_loop::current_if_any() != nullptr) {
        wait_in_task(&d);
        return done();
    }
    std::unique_lock lock(mutex_);
    return settled_.wait_for(lock, d, [this] { return done(); });
}

void concurrent_state::wait_in_task(const duration* limit) {
    agent& who = agent::current();
    if (who.cancellation_due()) {
        cancel();
        who.throw_if_cancelled();
    }
    event_loop& loop = event_loop::current();
    enlisted self(*this, loop);
    const time_point deadline = loop.time_after(limit != nullptr ? *limit : duration::max());
    parked w(*this);
    self.wait(w, limit != nullptr ? &deadline : nullptr);
}

void concurrent_state::wait_delivered(void (*on_cancel)(void*), void* argument) {
    if (done()) return;
    if (event_loop::current_if_any() == nullptr) return block();
    agent& who = agent::current();
    if (who.cancellation_due()) {
        if (cancel()) who.throw_if_cancelled();
        on_cancel(argument);
        return wait_held();
    }
    try {
        enlisted self(*this, event_loop::current());
        parked w(*this, on_cancel, argument);
        self.wait(w);
    } catch (...) {
        // A cancellation, which has cancelled the call. Or the loop or the memory is at its end: the call is not left
        // running even so.
        if (!cancel()) block();
        throw;
    }
}

void concurrent_state::wait_held() noexcept {
    if (done()) return;
    if (!event_loop::in_task()) return block();
    try {
        defer_cancellation([this] { wait_in_task(nullptr); });
    } catch (...) {
        block();  // no memory to wait with
    }
}

void concurrent_state::block() noexcept {
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [this] { return done(); });
}

void concurrent_state::require_settled() const {
    if (!done())
        throw invalid_state_error("the result is not there yet: the call is " + describe("") + "; get() waits");
    if (cancelled()) throw cancelled_error("the concurrent_future was cancelled");
}

void concurrent_state::require_value() const {
    require_settled();
    if (error_) std::rethrow_exception(error_);
}

std::exception_ptr concurrent_state::error() const {
    require_settled();
    return error_;
}

std::string concurrent_state::describe(const char* result_type) const {
    switch (current()) {
        case status::pending:
            return "pending";
        case status::running:
            return "running";
        case status::cancelled:
        case status::cancelled_and_notified:
            return "cancelled";
        case status::finished:
            break;
    }
    return error_ ? "finished, raised " + crocus::describe(error_) : "finished, returned " + type_name(result_type);
}

}  // namespace crocus::detail
