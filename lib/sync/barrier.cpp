#include <crocus/sync/barrier.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include <crocus/error.hpp>

#include "state_text.hpp"

namespace crocus {

/// One who waits for the party to be complete.
class barrier::arrival final : public wait_queue::parked {
public:
    explicit arrival(barrier& at) : at_(&at) { ++at_->waiting_; }
    arrival(const arrival&) = delete;
    arrival& operator=(const arrival&) = delete;
    ~arrival() override { leave(); }

    void notified() noexcept override {
        place_ = at_->passed_++;
        leave();
        parked::notified();
    }
    void refused() noexcept override {
        leave();
        parked::refused();
    }
    void gave_up() noexcept override { leave(); }
    void abandoned() noexcept override {
        at_ = nullptr;
        parked::abandoned();
    }

    [[nodiscard]] std::size_t place() const noexcept { return place_; }

private:
    void leave() noexcept {
        if (at_ != nullptr) --std::exchange(at_, nullptr)->waiting_;
    }

    barrier* at_;
    std::size_t place_ = 0;
};

barrier::barrier(std::size_t parties, std::source_location made) : self_{"barrier", made}, parties_(parties) {
    if (parties == 0) throw std::invalid_argument("barrier: a party of none");
}

std::size_t barrier::arrive_and_wait() { return *pass_until(std::nullopt); }

std::optional<std::size_t> barrier::arrive_and_wait_for(duration d) {
    return pass_until(event_loop::current().time_after(d));
}

std::optional<std::size_t> barrier::arrive_and_wait_until(time_point deadline) { return pass_until(deadline); }

std::optional<std::size_t> barrier::pass_until(std::optional<time_point> deadline) {
    detail::check_can_suspend();
    if (broken_) throw broken_barrier();
    if (waiting_ + 1 == parties_) return complete();
    arrival self(*this);
    if (!deadline)
        waiters_.wait(self);
    else if (!waiters_.wait_until(self, *deadline))
        return std::nullopt;
    if (!self.was_notified()) throw broken_barrier();
    return self.place();
}

/// Returns the place of the last one, who calls this.
std::size_t barrier::complete() noexcept {
    passed_ = 0;
    waiters_.notify_all();
    return passed_;
}

void barrier::reset() noexcept {
    waiters_.refuse_all();
    broken_ = false;
}

void barrier::abort() noexcept {
    broken_ = true;
    waiters_.refuse_all();
}

std::string barrier::to_string() const {
    const std::string count = std::to_string(waiting_) + '/' + std::to_string(parties_);
    return detail::state_text(self_, broken_ ? "broken" : "filling, " + count, waiters_);
}

}  // namespace crocus
