#include "flag_set.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "failure.hpp"

namespace compare {

flag_set::flag_set(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
        if (entry.path().extension() == ".png" && entry.is_regular_file())
            names_.push_back(entry.path().filename().string());
    if (names_.empty())
        throw failure("no flags in " + directory_.string() +
                      ": install Debian's package iso-flags-png-320x240 (./bootstrap does)");
    std::ranges::sort(names_);
}

std::string flag_set::content(std::size_t index) const {
    const std::filesystem::path path = directory_ / name(index);
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::string bytes(file ? static_cast<std::size_t>(file.tellg()) : 0, '\0');
    file.seekg(0);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw failure("cannot read " + path.string() + ": is the package iso-flags-png-320x240 intact?");
    return bytes;
}

bool flag_set::matches(std::size_t index, std::string_view bytes) const { return content(index) == bytes; }

}  // namespace compare
