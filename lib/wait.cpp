#include <crocus/wait.hpp>

#include <exception>

namespace crocus::detail {

class joint_wait::member final : public waiter {
public:
    explicit member(joint_wait& whole) noexcept : whole_(whole) {}

    void notified() noexcept override {
        --whole_.running_;
        const bool failed = state->cancelled() || state->failed();
        if (failed && whole_.first_failed_ == nullptr) whole_.first_failed_ = this;
        if (failed || whole_.running_ == 0) whole_.progress_.notify_one();
    }

    [[nodiscard]] const agent* on_behalf_of() const noexcept override { return &whole_.owner_; }

    counted<future_state> state;  // null: room for one

private:
    joint_wait& whole_;
};

joint_wait::joint_wait() : owner_(agent::current()) {}

void joint_wait::make_room() {
    if (members_.empty() || members_.back().state) members_.emplace_back(*this);
}

void joint_wait::add(future_state& state) noexcept {
    member& m = members_.back();
    m.state = counted<future_state>(&state);
    ++running_;
    state.on_done(m);
}

// Reached with tasks running only if gather itself failed: while it made them, or with its loop.
joint_wait::~joint_wait() {
    if (running_ == 0) return;
    cancel_all("gather failed, and does not need this any more");
    defer_cancellation([&] {
        while (running_ != 0) progress_.wait();
    });
    mark_retrieved();
}

void joint_wait::cancel_all(const std::string& message) {
    for (auto& m : members_)
        if (m.state) m.state->cancel(message);
}

void joint_wait::mark_retrieved() noexcept {
    for (auto& m : members_)
        if (m.state) m.state->mark_retrieved();
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
    mark_retrieved();
    if (interrupted) std::rethrow_exception(interrupted);
    if (first_failed_ != nullptr) first_failed_->state->require_value();
}

}  // namespace crocus::detail
