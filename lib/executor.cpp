#include <crocus/executor.hpp>

namespace crocus {

work_item& work_item::operator=(work_item&& other) noexcept {
    work_item(std::move(other)).call_.swap(call_);
    return *this;
}

work_item::~work_item() {
    if (!call_ || call_->done()) return;
    call_->abandon(std::make_exception_ptr(broken_executor("the executor dropped the call: it never ran")));
}

void work_item::run() noexcept { std::exchange(call_, nullptr)->run(); }

void work_item::fail(std::exception_ptr error) noexcept { std::exchange(call_, nullptr)->abandon(std::move(error)); }

void work_item::cancel() noexcept { std::exchange(call_, nullptr)->cancel(); }

executor::~executor() = default;

namespace detail {

void require_can_wait() {
    if (event_loop::current_if_any() != nullptr) agent::current().throw_if_cancelled();
}

}  // namespace detail

}  // namespace crocus
