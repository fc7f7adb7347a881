#include "report_table.hpp"

#include <set>

#include "format.hpp"
#include "text_table.hpp"

namespace compare {
namespace {

using align = text_table::align;

std::string kernel_stacks(const measurement& row) {
    return row.kernel_stack_bytes ? fixed(in_mib(*row.kernel_stack_bytes), 2) : "not told";
}

std::vector<std::string> model_cells(const measurement& row) {
    return {std::to_string(row.of().number()), std::string(row.of().title)};
}

}  // namespace

std::string cost_table(const comparison& work, bool terminal) {
    const bool cpu = !work.rows().empty() && work.rows().front().order.work == workload::cpu;
    text_table table;
    table.add_column(align::left, "", "#");
    table.add_column(align::left, "", "model");
    table.add_column(align::right, "", cpu ? "jobs" : "URLs");
    table.add_column(align::right, "wall", "s");
    table.add_column(align::right, cpu ? "s per" : "ms per", cpu ? "job" : "URL");
    table.add_column(align::right, "times", "faster");
    table.add_column(align::right, "CPU s,", "user");
    table.add_column(align::right, "", "system");
    table.add_column(align::right, "memory", "MiB");
    table.add_column(align::right, "of it", "kernel");
    table.add_column(align::right, "", "threads");
    table.add_column(align::right, "", "procs");
    table.add_column(align::right, "context", "waited");
    table.add_column(align::right, "switches", "forced");
    for (const measurement& row : work.rows()) {
        std::vector<std::string> cells = model_cells(row);
        if (!row.failed.empty()) {
            table.add_note(cells, "failed: " + row.failed);
            continue;
        }
        const auto speedup = work.speedup(row);
        cells.push_back(grouped(row.items()) + (row.sampled() ? "*" : ""));
        cells.push_back(fixed(row.wall_seconds, 2));
        cells.push_back(cpu ? fixed(row.seconds_per_item(), 2) : fixed(1e3 * row.seconds_per_item(), 2));
        cells.push_back(speedup ? fixed(*speedup, *speedup < 99.95 ? 1 : 0) : "-");
        cells.push_back(fixed(row.user_seconds, 2));
        cells.push_back(fixed(row.system_seconds, 2));
        cells.push_back(fixed(in_mib(row.memory_bytes()), 2));
        cells.push_back(kernel_stacks(row));
        cells.push_back(grouped(row.threads));
        cells.push_back(grouped(row.processes));
        cells.push_back(grouped(row.voluntary_switches));
        cells.push_back(grouped(row.involuntary_switches));
        table.add_row(std::move(cells));
    }
    return table.to_string(terminal);
}

std::string answer_table(const comparison& downloads, bool terminal) {
    std::set<std::string> kinds{outcome::verified};
    for (const measurement& row : downloads.rows())
        for (const auto& [kind, count] : row.answers.counts()) kinds.insert(kind);

    text_table table;
    table.add_column(align::left, "", "#");
    table.add_column(align::left, "", "model");
    for (const std::string& kind : kinds) table.add_column(align::right, kind == "200" ? "verified" : "", kind);
    table.add_column(align::right, "received", "MiB");
    table.add_column(align::left, "", "as expected");
    for (const measurement& row : downloads.rows()) {
        if (!row.failed.empty()) continue;
        std::vector<std::string> cells = model_cells(row);
        for (const std::string& kind : kinds) cells.push_back(grouped(row.answers.count(kind)));
        cells.push_back(mib(row.answers.bytes()));
        cells.push_back(row.as_expected ? "yes" : "NO");
        table.add_row(std::move(cells));
    }
    return table.to_string(terminal);
}

}  // namespace compare
