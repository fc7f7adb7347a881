// The execution models that are compared: one entry here, one file in models/.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace compare {

enum class model_id { sequential = 1, thread_each, thread_pool, process_pool, green, keep_alive, boost_fibers };

struct model {
    model_id id;
    std::string_view name;   // what --models takes, beside the number
    std::string_view title;  // what the reports call it
    bool one_at_a_time;      // runs a sample: nothing overlaps, so all URLs would take minutes
    bool several_processes;
    bool computes;  // also runs the CPU-bound work

    [[nodiscard]] int number() const { return static_cast<int>(id); }
};

/// All of them, in the order in which they run.
std::span<const model> all_models();

const model& find_model(model_id id);

/// By name or by number; empty if there is none such.
std::optional<model_id> model_named(std::string_view name_or_number);

/// "sequential, thread-each, …" for messages.
std::string model_names();

}  // namespace compare
