#include "output_files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <ranges>
#include <system_error>

#include "failure.hpp"

namespace compare {
namespace fs = std::filesystem;

output_files::output_files(fs::path directory) : directory_(std::move(directory)) {
    try {
        std::vector<fs::path> missing;  // innermost first
        for (fs::path path = fs::absolute(directory_).lexically_normal(); !path.empty() && !fs::exists(path);
             path = path.parent_path()) {
            if (path.has_filename()) missing.push_back(path);
        }
        for (const fs::path& path : std::views::reverse(missing))
            if (fs::create_directory(path)) made_directories_.push_back(path);
        write_temporary("probe", "");
        fs::remove(temporaries_.back());
        temporaries_.pop_back();
    } catch (const fs::filesystem_error& error) {
        for (const fs::path& path : std::views::reverse(made_directories_)) ::rmdir(path.c_str());
        throw failure("--output " + directory_.string() + ": cannot make the directory (" + error.code().message() +
                      "): choose another one");
    } catch (const failure&) {
        for (const fs::path& path : std::views::reverse(made_directories_)) ::rmdir(path.c_str());
        throw;
    }
}

output_files::~output_files() {
    for (const fs::path& path : temporaries_) ::unlink(path.c_str());
    for (const fs::path& path : std::views::reverse(made_directories_)) ::rmdir(path.c_str());
}

fs::path output_files::temporary(const std::string& name) const {
    return directory_ / ("." + name + "." + std::to_string(::getpid()));
}

void output_files::write_temporary(const std::string& name, std::string_view content) {
    const fs::path path = temporary(name);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (file) temporaries_.push_back(path);
    file << content;
    file.close();
    if (!file)
        throw failure("--output " + directory_.string() + ": cannot write there (" + std::strerror(errno) +
                      "): choose another directory, or make room");
}

void output_files::write(const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& [name, content] : files) write_temporary(name, content);
    for (const auto& [name, content] : files) {
        std::error_code error;
        fs::rename(temporary(name), directory_ / name, error);
        if (error)
            throw failure("--output " + directory_.string() + ": cannot write " + name + " (" + error.message() +
                          "): choose another directory");
    }
    temporaries_.clear();
    made_directories_.clear();
}

}  // namespace compare
