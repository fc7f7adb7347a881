#include <crocus/detail/channel_state.hpp>

#include <condition_variable>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

namespace crocus::detail {

/// Somebody in a line, with a place where the item is that it puts, until that is taken, or will be that it gets.
class channel_state::waiter {
public:
    waiter(line& in, channel_item*& at) noexcept : item(at), line_(in) {}
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    void enter() noexcept {
        previous_ = line_.last;
        (line_.last != nullptr ? line_.last->next_ : line_.first) = this;
        line_.last = this;
        waits = true;
    }
    void leave() noexcept {
        (previous_ != nullptr ? previous_->next_ : line_.first) = next_;
        (next_ != nullptr ? next_->previous_ : line_.last) = previous_;
        waits = false;
    }
    /// It gets what it waited for, or will not. Returns how to wake it: it may be gone as soon as the lock is released.
    posted_wake end(outcome o) noexcept {
        leave();
        came_to = o;
        return wake_up();
    }

    channel_item*& item;
    bool waits = false;
    outcome came_to = outcome::not_now;

protected:
    ~waiter() = default;
    virtual posted_wake wake_up() noexcept = 0;

    line& line_;

private:
    waiter* previous_ = nullptr;
    waiter* next_ = nullptr;
};

/// A thread without a loop.
class channel_state::plain_waiter final : public waiter {
public:
    using waiter::waiter;

    void wait(guard& locked, const time_point* deadline) {
        const auto over = [this] { return !waits; };
        if (deadline == nullptr)
            woken_.wait(locked, over);
        else if (!woken_.wait_until(locked, *deadline, over))
            leave();
    }

private:
    posted_wake wake_up() noexcept override {
        woken_.notify_one();
        return {};
    }

    std::condition_variable woken_;
};

/// A green thread.
class channel_state::green_waiter final : public waiter, public posted_wait {
public:
    green_waiter(channel_state& channel, line& in, channel_item*& at)
        : waiter(in, at),
          posted_wait(event_loop::current(), &in == &channel.getters_ ? channel.getting_ : channel.putting_),
          channel_(channel),
          wake_(wake()) {}
    ~green_waiter() override {
        if (!withdraw()) return_item();
    }

    /// How it ended. Without this something was thrown, and what it got is another's.
    outcome finish() noexcept {
        withdraw();
        return std::exchange(came_to, outcome::not_now);
    }
    /// False if it waits no more.
    bool withdraw() noexcept {
        const guard locked(channel_.mutex_);
        return std::exchange(waits, false) && (leave(), true);
    }
    void loop_ended() noexcept override { return_item(); }

private:
    posted_wake wake_up() noexcept override { return std::move(wake_); }

    void return_item() noexcept {
        if (gets() && came_to == outcome::done) channel_.give_back(*std::exchange(item, nullptr));
    }
    [[nodiscard]] bool gets() const noexcept { return &line_ == &channel_.getters_; }

    channel_state& channel_;
    posted_wake wake_;
};

// --------------------------------------------------------------------------------------------------- under the lock

channel_state::outcome channel_state::attempt(const guard&, line& in, channel_item*& item, posted_wake& wake) noexcept {
    if (&in == &putters_) {
        if (shut_down_) return outcome::shut_down;
        if (capacity_ != 0 && size_ >= capacity_) return outcome::not_now;
        deliver(*std::exchange(item, nullptr), wake);
        return outcome::done;
    }
    if (first_ == nullptr) return shut_down_ ? outcome::shut_down : outcome::not_now;
    item = std::exchange(first_, first_->next);
    --size_;
    if (waiter* const putter = putters_.first; putter != nullptr && size_ < capacity_) {  // one may have come back
        append(*std::exchange(putter->item, nullptr));
        wake = putter->end(outcome::done);
    }
    return outcome::done;
}

/// To who has waited longest, or to the others.
void channel_state::deliver(channel_item& item, posted_wake& wake) noexcept {
    waiter* const getter = getters_.first;
    if (getter == nullptr) return append(item);
    getter->item = &item;
    wake = getter->end(outcome::done);
}

void channel_state::append(channel_item& item) noexcept {
    item.next = nullptr;
    (first_ != nullptr ? last_->next : first_) = &item;
    last_ = &item;
    ++size_;
}

// ---------------------------------------------------------------------------------------------------------- from
// outside

channel_state::outcome channel_state::try_put(channel_item*& item) { return attempt(putters_, item); }

channel_state::outcome channel_state::put(channel_item*& item, const time_point* deadline) {
    return perform(putters_, item, deadline);
}

channel_state::outcome channel_state::try_get(channel_item*& item) { return attempt(getters_, item); }

channel_state::outcome channel_state::get(channel_item*& item, const time_point* deadline) {
    return perform(getters_, item, deadline);
}

channel_state::outcome channel_state::attempt(line& in, channel_item*& item) {
    posted_wake wake;
    guard locked(mutex_);
    const outcome o = attempt(locked, in, item, wake);
    locked.unlock();
    wake.post();
    return o;
}

channel_state::outcome channel_state::perform(line& in, channel_item*& item, const time_point* deadline) {
    check_can_suspend();
    if (const outcome o = attempt(in, item); o != outcome::not_now) return o;
    return event_loop::current_if_any() != nullptr ? suspend(in, item, deadline) : block(in, item, deadline);
}

channel_state::outcome channel_state::block(line& in, channel_item*& item, const time_point* deadline) {
    posted_wake wake;
    guard locked(mutex_);
    const outcome o = attempt(locked, in, item, wake);
    if (o == outcome::not_now) {
        plain_waiter self(in, item);
        self.enter();
        self.wait(locked, deadline);
        return self.came_to;
    }
    locked.unlock();
    wake.post();
    return o;
}

channel_state::outcome channel_state::suspend(line& in, channel_item*& item, const time_point* deadline) {
    agent::current().throw_if_cancelled();
    struct parked final : wait_queue::parked {
        explicit parked(green_waiter& w) : self(w) {}
        /// It may have what it waited for, and be about to be woken.
        bool cancel(const std::string& message) override {
            return self.withdraw() && wait_queue::parked::cancel(message);
        }
        green_waiter& self;
    };
    green_waiter self(*this, in, item);
    posted_wake wake;
    guard locked(mutex_);
    const outcome o = attempt(locked, in, item, wake);
    if (o == outcome::not_now) self.enter();
    locked.unlock();
    if (o != outcome::not_now) {
        wake.post();
        return o;
    }
    parked as(self);
    self.wait(as, deadline);
    return self.finish();
}

/// Who got it is gone. It is the oldest.
void channel_state::give_back(channel_item& item) noexcept {
    posted_wake wake;
    guard locked(mutex_);
    if (at_once_) {
        locked.unlock();
        item.next = nullptr;
        return destroy_all(&item);
    }
    if (getters_.first != nullptr) {
        deliver(item, wake);
    } else {
        item.next = first_;
        if (first_ == nullptr) last_ = &item;
        first_ = &item;
        ++size_;
    }
    locked.unlock();
    wake.post();
}

void channel_state::shut_down(bool immediately) noexcept {
    channel_item* drained = nullptr;
    guard locked(mutex_);
    shut_down_ = true;
    if (immediately) {
        at_once_ = true;
        drained = std::exchange(first_, nullptr);
        size_ = 0;
    }
    for (;;) {
        waiter* const w = getters_.first != nullptr ? getters_.first : putters_.first;
        if (w == nullptr) break;
        posted_wake wake = w->end(outcome::shut_down);
        locked.unlock();
        wake.post();
        locked.lock();
    }
    locked.unlock();
    destroy_all(drained);
}

void channel_state::destroy_all(channel_item* first) noexcept {
    while (first != nullptr) destroy_(std::exchange(first, first->next));
}

bool channel_state::is_shut_down() const noexcept {
    const guard locked(mutex_);
    return shut_down_;
}

std::size_t channel_state::size() const noexcept {
    const guard locked(mutex_);
    return size_;
}

time_point channel_state::time_after(duration d) noexcept {
    if (event_loop* const loop = event_loop::current_if_any(); loop != nullptr) return loop->time_after(d);
    const time_point now = clock::now();
    return d < time_point::max() - now ? now + d : time_point::max();
}

}  // namespace crocus::detail
