// What running one piece of work on one model has shown, and what follows from it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "outcome.hpp"
#include "work_order.hpp"

namespace compare {

struct measurement {
    work_order order;
    std::string failed;  // why there are no figures; empty if there are

    tally answers;
    bool as_expected = false;  // the answers are what the plan says; a user's server: none of them is broken

    double wall_seconds = 0;  // of the work, with what the model makes for it: threads, processes, connections
    double user_seconds = 0;  // of the whole process and its children
    double system_seconds = 0;
    std::size_t resident_bytes = 0;  // peak
    std::string memory_method;
    std::optional<std::size_t> kernel_stack_bytes;  // of the most threads; empty if the kernel does not tell
    std::size_t threads = 0;                        // peak
    std::size_t processes = 0;                      // peak
    std::size_t voluntary_switches = 0;
    std::size_t involuntary_switches = 0;

    [[nodiscard]] const model& of() const { return find_model(order.model); }
    [[nodiscard]] std::size_t items() const { return answers.total(); }
    [[nodiscard]] bool sampled() const { return items() < order.items_in_all(); }
    [[nodiscard]] double seconds_per_item() const { return wall_seconds / static_cast<double>(items()); }
    [[nodiscard]] double seconds_for_all() const {
        return seconds_per_item() * static_cast<double>(order.items_in_all());
    }
    [[nodiscard]] double cpu_seconds() const { return user_seconds + system_seconds; }
    [[nodiscard]] double cpu_seconds_per_item() const { return cpu_seconds() / static_cast<double>(items()); }
    [[nodiscard]] std::size_t memory_bytes() const { return resident_bytes + kernel_stack_bytes.value_or(0); }
};

/// All of one workload, with the comparisons among them. A model that failed is never found.
class comparison {
public:
    comparison(workload work, std::span<const measurement> all);

    [[nodiscard]] const std::vector<measurement>& rows() const { return rows_; }
    [[nodiscard]] const measurement* find(model_id id) const;

    /// How many times faster per item than the sequential model; empty when either has no figures.
    [[nodiscard]] std::optional<double> speedup(const measurement& row) const;

private:
    std::vector<measurement> rows_;
};

/// What the comparison must show: green threads at least 0.8 x C times faster than sequential, on one thread.
struct green_target {
    double speedup;
    double least;
    std::size_t at_a_time;
    std::size_t threads;
    std::optional<double> most;  // what the delays allow at all; only known of our own server

    [[nodiscard]] bool reached() const { return speedup >= least && threads == 1; }
};

/// Empty when one of the two models has no figures.
std::optional<green_target> judge_green(const comparison& downloads);

}  // namespace compare
