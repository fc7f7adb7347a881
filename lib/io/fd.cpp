#include <crocus/io/fd.hpp>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <crocus/error.hpp>

namespace crocus {

fd::fd(int native) : fd(event_loop::current().driver().adopt(native)) {}

fd::fd(io_handle handle)
    : loop_id_(event_loop::current().id()), driver_(&event_loop::current().driver()), handle_(handle) {}

void fd::close() noexcept {
    if (handle_ && alive()) driver_->close(handle_);
    handle_ = {};
}

void fd::abort() noexcept {
    if (handle_ && alive()) driver_->abort(handle_);
    handle_ = {};
}

int fd::native() const noexcept { return handle_ && alive() ? driver_->native(handle_) : -1; }

void fd::throw_closed() const {
    throw closed_error(std::string("the descriptor is closed, or belongs to ") + event_loop::owner_of(loop_id_));
}

std::pair<fd, fd> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    fd read_end;
    try {
        read_end = fd(ends[0]);
    } catch (...) {
        ::close(ends[1]);
        throw;
    }
    return {std::move(read_end), fd(ends[1])};
}

}  // namespace crocus
