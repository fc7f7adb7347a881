#include "outcome.hpp"

#include <algorithm>

namespace compare {

outcome outcome::of(const std::error_code& error) {
    if (error == std::errc::connection_refused) return {"refused"};
    if (error == std::errc::connection_reset || error == std::errc::broken_pipe) return {"reset"};
    if (error == std::errc::timed_out || error == std::errc::resource_unavailable_try_again) return {timed_out};
    if (error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system)
        return {"no-descriptors"};
    if (error == std::errc::address_not_available) return {"no-ports"};
    return {"errno-" + std::to_string(error.value())};
}

void tally::add(const std::string& kind, std::size_t count, std::size_t bytes) {
    counts_[kind] += count;
    total_ += count;
    bytes_ += bytes;
}

std::size_t tally::count(const std::string& kind) const {
    const auto found = counts_.find(kind);
    return found == counts_.end() ? 0 : found->second;
}

std::size_t tally::broken() const {
    std::size_t sum = 0;
    for (const auto& [kind, count] : counts_) {
        const bool status = std::ranges::all_of(kind, [](char c) { return c >= '0' && c <= '9'; });
        if (!status && kind != outcome::unverified && kind != outcome::right) sum += count;
    }
    return sum;
}

std::string tally::to_string() const {
    std::string text;
    for (const auto& [kind, count] : counts_) text += (text.empty() ? "" : ", ") + std::to_string(count) + " x " + kind;
    return text.empty() ? "nothing" : text;
}

}  // namespace compare
