#include <crocus/io/fd.hpp>

#include <string>

#include <crocus/error.hpp>

namespace crocus {

fd::fd(int native) : fd(event_loop::current().driver().adopt(native)) {}

fd::fd(io_handle handle)
    : loop_id_(event_loop::current().id()), driver_(&event_loop::current().driver()), handle_(handle) {}

bool fd::alive() const noexcept {
    const event_loop* const loop = event_loop::current_if_any();
    return loop != nullptr && loop->id() == loop_id_;
}

void fd::close() noexcept {
    if (handle_ && alive()) driver_->close(handle_);
    handle_ = {};
}

void fd::abort() noexcept {
    if (handle_ && alive()) driver_->abort(handle_);
    handle_ = {};
}

int fd::native() const noexcept { return handle_ && alive() ? driver_->native(handle_) : -1; }

io_driver& fd::driver() const {
    if (!is_open())
        throw closed_error(std::string("the descriptor is closed, or belongs to ") + event_loop::owner_of(loop_id_));
    return *driver_;
}

}  // namespace crocus
