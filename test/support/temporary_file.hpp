// A file of a test, gone with the test; for words between processes too.
#pragma once

#include <filesystem>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace crocus::test {

class temporary_file {
public:
    temporary_file() : fd_(::mkostemp(path_.data(), O_CLOEXEC)) {}
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() {
        ::close(fd_);
        std::filesystem::remove(path_);
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return fd_; }

    /// Waits for what write_number() writes there, in whatever process.
    [[nodiscard]] int number() const {
        int found = 0;
        while (::pread(fd_, &found, sizeof(found), 0) != sizeof(found)) std::this_thread::yield();
        return found;
    }

private:
    std::string path_ = (std::filesystem::temp_directory_path() / "crocus-test-XXXXXX").string();
    int fd_;
};

inline void write_number(const std::string& path, int number) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (::write(fd, &number, sizeof(number)) != sizeof(number)) ::abort();
    ::close(fd);
}

}  // namespace crocus::test
