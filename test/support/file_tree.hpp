// A directory with files in it, gone with the test, and nftw through crocus.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include <ftw.h>
#include <sys/stat.h>

#include <crocus/callback.hpp>

namespace crocus::test {

class file_tree {
public:
    explicit file_tree(std::initializer_list<const char*> files) {
        if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error("mkdtemp: " + root_);
        for (const std::filesystem::path file : files) {
            std::filesystem::create_directories(std::filesystem::path(root_) / file.parent_path());
            std::ofstream(std::filesystem::path(root_) / file) << "x";
        }
    }
    file_tree(const file_tree&) = delete;
    file_tree& operator=(const file_tree&) = delete;
    ~file_tree() { std::filesystem::remove_all(root_); }

    [[nodiscard]] const std::string& root() const { return root_; }
    [[nodiscard]] std::string relative(const std::string& file) const {
        return std::filesystem::path(file).lexically_relative(root_).string();
    }

private:
    std::string root_ = (std::filesystem::temp_directory_path() / "crocus-test-XXXXXX").string();
};

/// The callback of nftw.
using visitor = int(const char*, const struct stat*, int, FTW*);

/// nftw, which hands no user data on.
template <class Callback>
int walk(const std::string& root, Callback&& callback) {
    return through_c<visitor>([&](auto* visit) { return ::nftw(root.c_str(), visit, 16, FTW_PHYS); },
                              std::forward<Callback>(callback), 1);
}

/// How many descriptors this process has open.
inline std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

}  // namespace crocus::test
