#include <crocus/detail/runnable.hpp>

namespace crocus::detail {

// The protocol of the sleeper and the poster. The loop says that it sleeps, then looks for posts; a poster posts, then
// looks whether the loop sleeps. Both steps of both are sequentially consistent, so at least one sees the other's:
// either the loop finds the post, or the poster finds the sleeper, and wakes it once.

namespace {

void discard(runnable* r) noexcept {
    while (r != nullptr) {
        runnable* const next = r->next;
        auto* const c = static_cast<callback*>(r);
        c->release();
        c->drop_owner();
        r = next;
    }
}

}  // namespace

inbox::~inbox() { discard(take()); }

bool inbox::post(counted<callback> c) {
    if (closed_.load(std::memory_order_acquire) || made_.passed()) {
        c->release();
        return false;
    }
    runnable* const r = c.release();
    r->next = newest_.load(std::memory_order_relaxed);
    while (!newest_.compare_exchange_weak(r->next, r, std::memory_order_seq_cst, std::memory_order_relaxed)) {
    }
    if (asleep_.exchange(false, std::memory_order_seq_cst)) wake();
    return true;
}

void inbox::wake() noexcept {
    if (made_.passed()) return;  // the mutex may be held for ever, by a thread that is the parent's
    const std::scoped_lock lock(mutex_);
    if (driver_ != nullptr) driver_->wake();
}

void inbox::close() noexcept {
    closed_.store(true, std::memory_order_release);
    {
        const std::scoped_lock lock(mutex_);
        driver_ = nullptr;
    }
    discard(take());  // a post that raced with this is discarded with the inbox
}

runnable* inbox::take() noexcept {
    runnable* newest = newest_.exchange(nullptr, std::memory_order_seq_cst);
    runnable* oldest = nullptr;
    while (newest != nullptr) {
        runnable* const next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

bool inbox::fall_asleep() noexcept {
    asleep_.store(true, std::memory_order_seq_cst);
    if (newest_.load(std::memory_order_seq_cst) == nullptr) return true;
    wake_up();
    return false;
}

}  // namespace crocus::detail
