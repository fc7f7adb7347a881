#include "process_sampler.hpp"

#include <algorithm>

namespace compare {

void process_sampler::sample() {
    const auto begin = clock::now();
    if (begin < next_) return;
    if (with_descendants_) {
        sample_tree();
    } else {
        sample_one();
    }
    // A hundred processes take milliseconds to look at: never spend more than a twentieth of a core on that.
    const auto spent = clock::now() - begin;
    next_ = begin + std::max<clock::duration>(period, 20 * spent);
}

void process_sampler::sample_one() {
    const auto status = read_process_status(std::to_string(pid_));
    if (!status) return;
    peak_processes_ = 1;
    peak_threads_ = std::max(peak_threads_, status->threads);
    peak_bytes_ = std::max(peak_bytes_, status->peak_resident_bytes);
}

void process_sampler::sample_tree() {
    std::vector<pid_t> pids = descendants_of(pid_);
    pids.push_back(pid_);
    std::size_t threads = 0;
    std::size_t processes = 0;
    std::size_t bytes = 0;
    for (const pid_t pid : pids) {
        const auto status = read_process_status(std::to_string(pid));
        if (!status) continue;
        ++processes;
        threads += status->threads;
        const auto share = proportional_ ? read_proportional_bytes(std::to_string(pid)) : std::nullopt;
        if (!share && status->resident_bytes > 0 && pid == pid_) proportional_ = false;
        bytes += share.value_or(proportional_ ? 0 : status->resident_bytes);
    }
    peak_threads_ = std::max(peak_threads_, threads);
    peak_processes_ = std::max(peak_processes_, processes);
    peak_bytes_ = std::max(peak_bytes_, bytes);
}

std::string process_sampler::method() const {
    if (!with_descendants_) return "VmHWM";
    return proportional_ ? "sum of Pss" : "sum of VmRSS";
}

}  // namespace compare
