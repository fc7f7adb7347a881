#include <crocus/exit_stack.hpp>

#include <crocus/fiber.hpp>
#include <crocus/unraisable.hpp>

namespace crocus {

exit_stack::entry::~entry() = default;

exit_stack& exit_stack::operator=(exit_stack other) noexcept {
    std::swap(top_, other.top_);
    return *this;
}

exit_stack::~exit_stack() {
    if (!top_) return;
    fiber::begin_unwinding();
    try {
        close();
    } catch (...) {
        report_unraisable("while an exit_stack was destroyed", std::current_exception());
    }
    fiber::end_unwinding();
}

void exit_stack::put(std::unique_ptr<entry> added) noexcept {
    added->below = std::move(top_);
    top_ = std::move(added);
}

bool exit_stack::exit(const std::exception_ptr& error) {
    std::exception_ptr on_its_way = error;
    while (top_) {  // what runs may put more there
        try {
            if (exit_top(on_its_way)) on_its_way = nullptr;
        } catch (...) {
            on_its_way = std::current_exception();
        }
    }
    if (on_its_way == error) return false;
    if (on_its_way) std::rethrow_exception(std::move(on_its_way));
    return true;
}

/// Runs the last one, as a handler of what is on its way.
bool exit_stack::exit_top(const std::exception_ptr& error) {
    const std::unique_ptr<entry> last = std::exchange(top_, std::move(top_->below));
    if (!error || error == std::current_exception()) return last->exit(error);
    try {
        std::rethrow_exception(error);
    } catch (...) {
        return last->exit(error);
    }
}

}  // namespace crocus
