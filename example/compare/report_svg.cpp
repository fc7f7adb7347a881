#include "report_svg.hpp"

#include <algorithm>
#include <functional>

#include "format.hpp"
#include "svg.hpp"

namespace compare {
namespace {

constexpr double margin = 40, label_width = 170, panel_width = 318, panel_gap = 18;
constexpr double value_width = 112;  // room beyond the longest bar
constexpr double row_height = 32, bar_height = 20;
constexpr double width = 2 * margin + label_width + 3 * panel_width + 2 * panel_gap;
constexpr double head_height = 92, section_head = 92, section_gap = 34, foot_height = 74;

struct bar {
    double length = 0;
    double pale_part = 0;  // of the length, at its end
    bool striped = false;
    std::string value;
};

struct panel {
    std::string heading;
    std::function<bar(const measurement&)> draw;
};

bool is_ours(const measurement& row) {
    return row.order.model == model_id::green || row.order.model == model_id::keep_alive;
}

bar wall_time(const measurement& row) {
    const double seconds = row.seconds_for_all();
    return {seconds, 0, row.sampled(), (row.sampled() ? "about " : "") + readable(seconds) + " s"};
}

bar memory(const measurement& row) {
    return {static_cast<double>(row.memory_bytes()), static_cast<double>(row.kernel_stack_bytes.value_or(0)), false,
            mib(row.memory_bytes()) + " MiB"};
}

bar thread_count(const measurement& row) {
    std::string value = grouped(row.threads);
    if (row.processes > 1) value += " in " + grouped(row.processes) + " proc.";
    return {static_cast<double>(row.threads), 0, false, value};
}

double section_height(const comparison& work) {
    return work.rows().empty() ? 0 : section_head + row_height * static_cast<double>(work.rows().size()) + section_gap;
}

void draw_bar(svg& out, double x, double y, double pixels, const bar& b, bool ours) {
    const double whole = b.length > 0 ? std::max(pixels, 2.0) : 0;
    const double pale = b.length > 0 ? whole * b.pale_part / b.length : 0;
    const std::string colour = ours ? "violet" : "slate";
    out.bar(x, y, whole - pale, bar_height, b.striped && !ours ? colour + "-striped" : colour);
    if (pale > 0) out.bar(x + whole - pale, y, pale, bar_height, colour + "-pale");
    out.text(x + whole + 7, y + bar_height - 5, ours ? "value own" : "value", b.value);
}

void draw_panel(svg& out, double x, double y, const comparison& work, const panel& p) {
    double longest = 0;
    for (const measurement& row : work.rows())
        if (row.failed.empty()) longest = std::max(longest, p.draw(row).length);

    out.text(x, y - 14, "heading", p.heading);
    for (const measurement& row : work.rows()) {
        if (row.failed.empty()) {
            const bar b = p.draw(row);
            const double pixels = longest > 0 ? (panel_width - value_width) * b.length / longest : 0;
            draw_bar(out, x, y + (row_height - bar_height) / 2, pixels, b, is_ours(row));
        } else {
            out.text(x + 7, y + (row_height + bar_height) / 2 - 5, "note", "failed");
        }
        y += row_height;
    }
    out.line(x, y - row_height * static_cast<double>(work.rows().size()), x, y, "axis");
}

void draw_section(svg& out, double y, const comparison& work, const std::string& title, const std::string& caption) {
    const bool cpu = work.rows().front().order.work == workload::cpu;
    const std::string items = cpu ? "all jobs" : "all URLs";
    out.line(margin, y, width - margin, y, "rule");
    out.text(margin, y + 32, "section", title);
    out.text(width - margin, y + 32, "note", caption, svg::anchor::end);
    y += section_head;
    double row_y = y;
    for (const measurement& row : work.rows()) {
        out.text(margin + label_width - 12, row_y + (row_height + bar_height) / 2 - 5,
                 is_ours(row) ? "label own" : "label", row.of().title, svg::anchor::end);
        row_y += row_height;
    }
    const panel panels[] = {
        {"Wall time for " + items, wall_time}, {"Peak memory", memory}, {"Threads at the peak", thread_count}};
    double x = margin + label_width;
    for (const panel& p : panels) {
        draw_panel(out, x, y, work, p);
        x += panel_width + panel_gap;
    }
}

bool any(const comparison& work, const std::function<bool(const measurement&)>& is) {
    return std::ranges::any_of(work.rows(), [&](const measurement& row) { return row.failed.empty() && is(row); });
}

std::string memory_note(const comparison& downloads, const comparison& cpu) {
    for (const comparison* work : {&downloads, &cpu})
        if (const measurement* pool = work->find(model_id::process_pool))
            return "Memory: the most that was resident (VmHWM); of the process pool, all its processes (" +
                   pool->memory_method + ").";
    return "Memory: the most that was resident (VmHWM).";
}

void draw_foot(svg& out, double y, const comparison& downloads, const comparison& cpu) {
    out.line(margin, y, width - margin, y, "rule");
    double x = margin;
    if (any(downloads, [](const measurement& row) { return row.sampled(); })) {
        out.bar(x, y + 18, 22, 12, "slate-striped");
        out.text(x + 30, y + 29, "note", "scaled from a sample");
        x += 190;
    }
    const auto told = [](const measurement& row) { return row.kernel_stack_bytes.has_value(); };
    if (any(downloads, told) || any(cpu, told)) {
        out.bar(x, y + 18, 11, 12, "slate-pale");
        out.bar(x + 11, y + 18, 11, 12, "violet-pale");
        out.text(x + 30, y + 29, "note", "kernel stacks of the threads");
    } else {
        out.text(x, y + 29, "note", "without kernel stacks: this kernel does not tell them");
    }
    out.text(margin, y + 52, "note", memory_note(downloads, cpu) + " Shorter is better everywhere.");
}

}  // namespace

std::string svg_report(const comparison& downloads, const comparison& cpu, const captions& words) {
    const double height = head_height + section_height(downloads) + section_height(cpu) + foot_height;
    const std::string title = "One workload on every execution model";
    svg out(static_cast<int>(width), static_cast<int>(height), title);
    out.text(margin, 52, "title", title);
    out.text(margin, 76, "note", "Green threads (crocus) beside threads, processes, and waiting in line");
    double y = head_height;
    if (!downloads.rows().empty()) draw_section(out, y, downloads, "Waiting: downloads", words.downloads);
    y += section_height(downloads);
    if (!cpu.rows().empty()) draw_section(out, y, cpu, "Computing: the triple loop", words.cpu);
    y += section_height(cpu);
    draw_foot(out, y, downloads, cpu);
    return out.finish();
}

}  // namespace compare
