#include <crocus/select.hpp>

#include <utility>

#include <crocus/error.hpp>

namespace crocus::detail {

const wait_subject selection::subject{"the first of several things", {}};

/// Who is cancelled before anything was chosen must be given nothing any more.
class selection::parked final : public wait_queue::parked {
public:
    explicit parked(selection& of) : of_(of) {}

    bool cancel(const std::string& message) override {
        of_.leave_all();
        return wait_queue::parked::cancel(message);
    }

private:
    selection& of_;
};

void selection::add(place& p) noexcept {
    p.of_ = this;
    p.next_ = std::exchange(first_, &p);
}

const selection::place* selection::wait() {
    parked w(*this);
    choice_.wait(w);
    return std::exchange(chosen_, nullptr);
}

void selection::choose(place& p) noexcept {
    chosen_ = &p;
    leave_all();
    choice_.notify_one();
}

void selection::leave_all() noexcept {
    while (first_ != nullptr) std::exchange(first_, first_->next_)->leave();
}

void queued_place::leave() noexcept {
    if (queue() != nullptr) leave_queue();
}

void queued_place::refused() noexcept {
    refused_ = true;
    report();
}

void queued_place::abandoned() noexcept {
    abandoned_ = true;
    report();
}

void queued_place::require_not_abandoned() const {
    if (abandoned_) throw usage_error("what this task waited for was destroyed meanwhile");
}

timed_place::timed_place() noexcept : timer({}, [](timer& t) noexcept { static_cast<timed_place&>(t).report(); }) {}

void timed_place::enter(selection& s, duration limit) {
    if (loop_ == nullptr) {  // else it has been entered before, and the time goes on
        loop_ = &event_loop::current();
        when = loop_->time_after(limit);
    }
    loop_->add_timer(*this);
    s.add(*this);
}

}  // namespace crocus::detail
