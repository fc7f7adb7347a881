#include "file_reading.hpp"

#include <cerrno>
#include <system_error>

#include <unistd.h>

#include <crocus/executor.hpp>

namespace crocus::detail {

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
