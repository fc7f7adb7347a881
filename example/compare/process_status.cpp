#include "process_status.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace compare {
namespace {

// "VmHWM:	    1234 kB" -> 1234
std::optional<std::size_t> field(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name + ':')) continue;
        std::size_t value = 0;
        if (std::istringstream(line.substr(name.size() + 1)) >> value) return value;
        return std::nullopt;
    }
    return std::nullopt;
}

std::optional<pid_t> parent_of(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    const std::size_t after_name = line.rfind(')');  // a program's name may hold blanks and parentheses
    if (after_name == std::string::npos) return std::nullopt;
    std::istringstream rest(line.substr(after_name + 1));
    char state = 0;
    pid_t parent = 0;
    if (!(rest >> state >> parent)) return std::nullopt;
    return parent;
}

}  // namespace

std::optional<process_status> read_process_status(const std::string& pid) {
    constexpr std::size_t kib = 1024;
    std::ifstream file("/proc/" + pid + "/status");
    process_status status;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        std::size_t value = 0;
        if (!(words >> name >> value)) continue;
        if (name == "Threads:") status.threads = value;
        if (name == "VmRSS:") status.resident_bytes = value * kib;
        if (name == "VmHWM:") status.peak_resident_bytes = value * kib;
    }
    if (status.threads == 0) return std::nullopt;
    return status;
}

std::optional<std::size_t> read_proportional_bytes(const std::string& pid) {
    const auto kib = field("/proc/" + pid + "/smaps_rollup", "Pss");
    if (!kib) return std::nullopt;
    return *kib * 1024;
}

std::vector<pid_t> descendants_of(pid_t root) {
    std::multimap<pid_t, pid_t> children;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (bad != std::errc{} || end != name.data() + name.size()) continue;
        if (const auto parent = parent_of(name)) children.emplace(*parent, pid);
    }
    std::vector<pid_t> found{root};
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto [first, last] = children.equal_range(found[i]);
        for (auto child = first; child != last; ++child) found.push_back(child->second);
    }
    found.erase(found.begin());
    return found;
}

std::optional<std::size_t> kernel_stack_bytes_per_thread() {
    const auto kib = field("/proc/meminfo", "KernelStack");
    std::ifstream loadavg("/proc/loadavg");
    std::string word;
    for (int i = 0; i < 4; ++i) loadavg >> word;  // "0.10 0.20 0.30 2/345 6789": running/all threads
    const std::size_t slash = word.find('/');
    if (!kib || slash == std::string::npos) return std::nullopt;
    std::size_t threads = 0;
    std::from_chars(word.data() + slash + 1, word.data() + word.size(), threads);
    if (threads == 0) return std::nullopt;
    const std::size_t each = *kib * 1024 / threads;
    const std::size_t rounded = std::bit_floor(each + each / 2);
    constexpr std::size_t smallest = 4096, largest = 128 * 1024;
    if (rounded < smallest || rounded > largest) return std::nullopt;
    return rounded;
}

}  // namespace compare
