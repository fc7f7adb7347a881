#include "file_sending.hpp"

#include <cerrno>
#include <limits>
#include <system_error>

#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/executor.hpp>

namespace crocus::detail {

std::uint64_t bytes_to_send(std::optional<std::uint64_t> count) {
    if (count == 0) throw usage_error("send_file: the count must be above 0; leave it out to send all of the file");
    return count.value_or(std::numeric_limits<std::uint64_t>::max());
}

std::size_t read_file(int file, std::uint64_t offset, std::span<std::byte> into) {
    return to_thread([&] {
        for (;;) {
            const ssize_t n = ::pread(file, into.data(), into.size(), static_cast<off_t>(offset));
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "reading a file to be sent");
        }
    });
}

}  // namespace crocus::detail
