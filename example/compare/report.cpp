#include "report.hpp"

#include <algorithm>

#include "findings.hpp"
#include "format.hpp"
#include "report_csv.hpp"
#include "report_svg.hpp"
#include "report_table.hpp"

namespace compare {
namespace {

constexpr std::size_t columns = 120;

std::string download_caption(const options& of) {
    std::string text = grouped(of.urls) + " URLs, " + grouped(of.concurrency) + " at a time";
    if (of.base_url) return text + ", from " + of.base_url->to_string();
    return text + ", each answered after " + std::to_string(of.latency.least.count()) + "-" +
           std::to_string(of.latency.most.count()) + " ms (seed " + std::to_string(of.seed) + ")";
}

std::string cpu_caption(const options& of, const results& found) {
    std::string nums;
    for (const unsigned num : of.nums) nums += (nums.empty() ? "" : ", ") + std::to_string(num);
    return grouped(of.nums.size()) + " jobs (num = " + nums + "), " + grouped(found.cores) +
           (found.cores == 1 ? " core" : " cores");
}

void heading(std::ostream& out, const std::string& text, bool terminal) {
    out << '\n' << (terminal ? "\x1b[1m" : "") << wrapped(text, columns) << (terminal ? "\x1b[0m" : "") << "\n\n";
}

void list(std::ostream& out, const std::vector<std::string>& sentences) {
    for (const std::string& sentence : sentences) out << wrapped("- " + sentence, columns) << '\n';
}

std::string memory_note(const results& found) {
    const bool told = std::ranges::any_of(found.all, [](const auto& m) { return m.kernel_stack_bytes.has_value(); });
    std::string text = "Memory: the most that was resident (VmHWM)";
    const auto pool = std::ranges::find_if(found.all, [](const auto& m) { return m.of().several_processes; });
    if (pool != found.all.end() && pool->failed.empty())
        text += "; of the process pool, its processes together (" + pool->memory_method + ")";
    text += told ? "; and, as \"of it kernel\", the kernel's stacks of the most threads."
                 : "; kernel stacks: this kernel does not tell them.";
    return text + " CPU time and context switches: of the whole process, with its children, from start to end.";
}

void print_failures(std::ostream& out, const results& found) {
    for (const measurement& m : found.all) {
        const std::string who = std::string(m.of().title) + " (" + std::string(name(m.order.work)) + "): ";
        if (!m.failed.empty()) {
            out << wrapped("FAILED " + who + m.failed, columns) << '\n';
        } else if (!m.as_expected) {
            const bool plan_known = m.order.own_server || m.order.work == workload::cpu;
            out << wrapped("UNEXPECTED " + who + "came back: " + m.answers.to_string() +
                               (plan_known ? "; expected: " + m.order.expected().to_string() : ""),
                           columns)
                << '\n';
        }
    }
}

}  // namespace

void print_report(std::ostream& out, const options& of, const results& found, bool terminal) {
    const comparison downloads(workload::downloads, found.all);
    const comparison cpu(workload::cpu, found.all);

    heading(out, "Waiting: " + download_caption(of), terminal);
    out << cost_table(downloads, terminal);
    if (std::ranges::any_of(downloads.rows(), [](const auto& m) { return m.failed.empty() && m.sampled(); }))
        out << "* a sample, because these download one at a time; compare the time per URL.\n";
    heading(out, "What came back, every 200 compared with its source byte for byte", terminal);
    out << answer_table(downloads, terminal);
    heading(out, "What the figures show", terminal);
    list(out, download_findings(downloads));

    if (!cpu.rows().empty()) {
        heading(out, "Computing: " + cpu_caption(of, found) + ", total *= i * j * k with Python's numbers", terminal);
        out << cost_table(cpu, terminal);
        heading(out, "What the figures show", terminal);
        list(out, cpu_findings(cpu, found.cores));
    }
    out << '\n' << wrapped(memory_note(found), columns) << '\n';
    print_failures(out, found);
}

void write_report(output_files& files, const options& of, const results& found) {
    const comparison downloads(workload::downloads, found.all);
    const comparison cpu(workload::cpu, found.all);
    files.write({{"compare.svg", svg_report(downloads, cpu, {download_caption(of), cpu_caption(of, found)})},
                 {"compare.csv", csv_report(found.all)}});
}

bool all_in_order(const results& found) {
    return std::ranges::all_of(found.all, [](const measurement& m) { return m.failed.empty() && m.as_expected; });
}

}  // namespace compare
