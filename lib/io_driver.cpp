// What drivers need not say themselves, and which one a loop gets.
#include <crocus/io_driver.hpp>

#include <cstdlib>
#include <string>

#include <sys/socket.h>

#include <crocus/error.hpp>
#include <crocus/testing/simulated_network.hpp>

#include "io_driver/epoll.hpp"
#include "io_driver/poll.hpp"
#include "testing/environment.hpp"

namespace crocus {

io_driver::~io_driver() = default;

void io_driver::abort(io_handle handle) noexcept {
    const linger at_once{1, 0};
    if (const int fd = native(handle); fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(handle);
}

std::optional<std::vector<sockaddr_storage>> io_driver::look_up(std::string_view) const { return std::nullopt; }

std::optional<std::size_t> io_driver::send_file(io_handle, int, std::uint64_t, std::size_t) { return std::nullopt; }

std::unique_ptr<io_driver> make_io_driver() {
    const char* const name = std::getenv("CROCUS_DRIVER");
    return make_io_driver(name != nullptr && *name != '\0' ? name : "epoll");
}

std::unique_ptr<io_driver> make_io_driver(std::string_view name) {
    if (name == "epoll") return std::make_unique<epoll_driver>();
    if (name == "poll") return std::make_unique<poll_driver>();
    if (name == "simulated")
        return std::make_unique<testing::simulated_network>(
            testing::network_conditions{}, testing::number_in_environment("CROCUS_SEED").value_or(0));
    throw usage_error("there is no io_driver \"" + std::string(name) +
                      "\": CROCUS_DRIVER, or who asked for it, may say epoll, poll or simulated");
}

}  // namespace crocus
