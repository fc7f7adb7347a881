#include "socket_file.hpp"

#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace crocus::detail {

namespace {

/// "" for what has no file.
std::string file_of(const address& a) { return a.path().starts_with('\0') ? std::string() : std::string(a.path()); }

}  // namespace

void remove_stale_socket(const address& a) noexcept {
    struct stat status {};
    const std::string file = file_of(a);
    if (!file.empty() && ::lstat(file.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(file.c_str());
}

socket_file::socket_file(const address& bound) : bound_(bound) {
    struct stat status {};
    const std::string file = file_of(bound);
    if (file.empty() || ::lstat(file.c_str(), &status) != 0) return;
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

void socket_file::remove() noexcept {
    struct stat status {};
    const std::string file = file_of(bound_);
    if (inode_ == 0 || ::lstat(file.c_str(), &status) != 0) return;
    if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(file.c_str());
    inode_ = 0;
}

}  // namespace crocus::detail
