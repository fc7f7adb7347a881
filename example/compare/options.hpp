// The command line.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models.hpp"
#include "url.hpp"

namespace compare {

struct latency_range {
    std::chrono::milliseconds least{50};
    std::chrono::milliseconds most{400};
};

struct options {
    std::size_t urls = 1000;
    std::size_t concurrency = 100;
    latency_range latency;
    std::uint64_t seed = 1;
    std::vector<unsigned> nums{63, 63, 50, 50, 32, 32};  // longest first, each twice: two workers finish together
    std::vector<model_id> models;                        // in the order of all_models()
    std::optional<url> base_url;                         // empty: the program starts a server of its own
    std::filesystem::path output = "bin/compare";
    bool help = false;

    [[nodiscard]] bool runs(model_id id) const;
};

/// Throws: failure   an option is unknown, given twice, or its value is no good
options parse_options(std::span<const char* const> arguments);

/// "63,50,32" for people and for child processes.
std::string join(const std::vector<unsigned>& nums);

/// Throws: failure   not a list of whole numbers from 2 to 200
std::vector<unsigned> parse_nums(std::string_view text);

std::string help_text();

}  // namespace compare
