#include <crocus/detail/recurring.hpp>

#include <crocus/event_loop.hpp>

namespace crocus::detail {

void recurring::trigger(event_loop& loop) noexcept {
    if (queued_ || cancelled) return;
    queued_ = true;
    add_owner();  // the queue
    loop.make_ready(*this);
}

void recurring::stop() noexcept {
    cancelled = true;
    source_ = nullptr;
    if (running_) return;
    context = {};
    destroy();
}

void recurring::call() {
    queued_ = false;
    running_ = true;
    if (source_ == nullptr || source_->begin_call()) invoke();
}

/// It has run; or the loop has ended, and stopped it.
void recurring::release() noexcept {
    if (std::exchange(running_, false)) context = std::move(event_loop::current_if_any()->callback_context());
    if (cancelled) stop();
}

}  // namespace crocus::detail
