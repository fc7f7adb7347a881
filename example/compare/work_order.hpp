// What one child process is told: which work to do, and on which model. Travels as one line of text, on the command
// line of the child and from a process pool to its workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "latency_plan.hpp"
#include "models.hpp"
#include "options.hpp"
#include "outcome.hpp"

namespace compare {

enum class workload { downloads, cpu };

std::string_view name(workload work);

struct work_order {
    workload work = workload::downloads;
    model_id model = model_id::sequential;

    std::string address = "127.0.0.1";  // numeric: no model spends its time on names
    std::uint16_t port = 0;
    std::string host;        // for the Host line
    std::string path;        // before the file's name; of a user's server only
    bool own_server = true;  // answers follow the plan, addresses are /flags/INDEX/NAME
    bool verify = true;

    std::size_t urls = 0;
    std::size_t concurrency = 1;  // connections, threads or processes at a time
    std::uint64_t seed = 0;
    latency_range latency;  // of a user's server: as measured beforehand
    std::chrono::milliseconds sample_time{10'000};
    std::vector<unsigned> nums;  // of the CPU-bound jobs

    [[nodiscard]] std::string to_string() const;

    /// Throws: failure   this is no work order
    static work_order parse(std::string_view text);

    [[nodiscard]] latency_plan plan() const { return {seed, latency}; }

    /// Indices of the URLs or of the jobs; a model that does one at a time gets a sample of the URLs.
    [[nodiscard]] std::vector<std::size_t> items() const;

    /// How many there would be without sampling.
    [[nodiscard]] std::size_t items_in_all() const;

    /// What must come back for these items; only when the server is ours, or for CPU-bound work.
    [[nodiscard]] tally expected() const;
};

}  // namespace compare
