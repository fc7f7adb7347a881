#include <crocus/wait.hpp>

#include <exception>

namespace crocus::detail {

class joint_wait::member final : public waiter {
public:
    member(joint_wait& w, any_task t, future_state& s) : task(std::move(t)), state(&s), whole_(w) {}

    void notified() noexcept override {
        --whole_.running_;
        const bool failed = state->cancelled() || state->failed();
        if (failed && whole_.first_failed_ == nullptr) whole_.first_failed_ = this;
        if (failed || whole_.running_ == 0) whole_.progress_.notify_one();
    }

    any_task task;
    counted<future_state> state;

private:
    joint_wait& whole_;
};

joint_wait::joint_wait() = default;

void joint_wait::add(any_task task, future_state& state) {
    auto& m = *members_.emplace_back(std::make_unique<member>(*this, std::move(task), state));
    ++running_;
    state.on_done(m);
}

// Reached with tasks running only if gather itself failed while it made them.
joint_wait::~joint_wait() {
    if (running_ == 0) return;
    defer_cancellation([&] {
        cancel_all("gather could not start all of its functions");
        while (running_ != 0) progress_.wait();
    });
    for (auto& m : members_) m->state->mark_retrieved();
}

void joint_wait::cancel_all(const std::string& message) {
    for (auto& m : members_) m->task.cancel(message);
}

void joint_wait::wait() {
    std::exception_ptr interrupted;
    try {
        while (running_ != 0 && first_failed_ == nullptr) progress_.wait();
    } catch (const cancelled_error& e) {
        interrupted = std::current_exception();
        cancel_all(e.message());
    }
    if (first_failed_ != nullptr && running_ != 0) cancel_all("another function of the same gather failed");
    defer_cancellation([&] {
        while (running_ != 0) progress_.wait();
    });
    for (auto& m : members_) m->state->mark_retrieved();
    if (interrupted) std::rethrow_exception(interrupted);
    if (first_failed_ != nullptr) first_failed_->state->require_value();
}

}  // namespace crocus::detail
