#include "findings.hpp"

#include <algorithm>

#include "cpu_work.hpp"
#include "format.hpp"

namespace compare {
namespace {

using std::to_string;

std::string milliseconds(double seconds) { return readable(1e3 * seconds) + " ms"; }

std::string counted(std::size_t number, const std::string& noun, const std::string& plural) {
    return grouped(number) + ' ' + (number == 1 ? noun : plural);
}

std::string threads(const measurement& row) { return counted(row.threads, "thread", "threads"); }

// "91.2 times as fast as one at a time"
std::string pace(const comparison& work, const measurement& row) {
    const auto speedup = work.speedup(row);
    if (!speedup) return "took " + readable(row.wall_seconds) + " s";
    if (*speedup >= 1.05) return readable(*speedup) + " times as fast as one at a time";
    if (*speedup > 0.95) return "as fast as one at a time (within 5 %)";
    return readable(1 / *speedup) + " times slower than one at a time";
}

// "memory 12.4 MiB against 33.5 with a thread each"
std::string against(const std::string& what, double mine, const std::string& unit, double theirs,
                    const std::string& with_whom) {
    return what + ' ' + readable(mine) + ' ' + unit + " against " + readable(theirs) + " with " + with_whom;
}

double memory(const measurement& row) { return in_mib(row.memory_bytes()); }

// ", 12.3 KiB for each more than sequential", when it is more
std::string memory_for_each(const comparison& work, const measurement& row, std::size_t count) {
    const measurement* base = work.find(model_id::sequential);
    if (base == nullptr || count == 0 || row.memory_bytes() <= base->memory_bytes()) return "";
    const double kib = static_cast<double>(row.memory_bytes() - base->memory_bytes()) / 1024;
    return ", " + readable(kib / static_cast<double>(count)) + " KiB for each more than sequential";
}

std::string cpu_share(const measurement& row) { return fixed(100 * row.cpu_seconds() / row.wall_seconds, 1) + " %"; }

std::string sequential(const comparison&, const measurement& row) {
    std::string text = row.sampled() ? "a sample of " + grouped(row.items()) + " URLs took " : "every URL took ";
    text += milliseconds(row.seconds_per_item()) + " each, " + cpu_share(row) + " of it CPU time";
    if (row.sampled())
        text += "; all " + grouped(row.order.items_in_all()) + " would take " + readable(row.seconds_for_all()) + " s";
    return text;
}

std::string thread_each(const comparison& work, const measurement& row) {
    std::string text =
        pace(work, row) + " with " + threads(row) + " at the peak, in " + mib(row.memory_bytes()) + " MiB";
    if (row.kernel_stack_bytes) text += " (kernel stacks " + mib(*row.kernel_stack_bytes) + ")";
    return text + memory_for_each(work, row, row.threads);
}

std::string thread_pool(const comparison& work, const measurement& row) {
    std::string text = pace(work, row) + " with " + threads(row);
    if (const measurement* other = work.find(model_id::thread_each))
        text += "; " + against("memory", memory(row), "MiB", memory(*other), "a thread each");
    return text;
}

std::string process_pool(const comparison& work, const measurement& row) {
    std::string text =
        pace(work, row) + " with " + counted(row.processes, "process", "processes") + ", creation included";
    if (const measurement* other = work.find(model_id::thread_pool)) {
        text += "; " + against("CPU", row.cpu_seconds(), "s", other->cpu_seconds(), "the thread pool");
        text += ", " + against("memory", memory(row), "MiB", memory(*other), "it");
    }
    return text;
}

std::string green(const comparison& work, const measurement& row) {
    std::string text = pace(work, row) + ": " + grouped(row.items()) + " green threads on " + threads(row) + " in " +
                       mib(row.memory_bytes()) + " MiB" + memory_for_each(work, row, row.items());
    if (const measurement* other = work.find(model_id::thread_each))
        text += "; " + against("CPU", row.cpu_seconds(), "s", other->cpu_seconds(), "a thread each");
    return text;
}

std::string keep_alive(const comparison& work, const measurement& row) {
    std::string text = pace(work, row) + " with " +
                       counted(std::min(row.order.concurrency, row.items()), "connection", "connections") + " for " +
                       counted(row.items(), "URL", "URLs");
    if (const measurement* other = work.find(model_id::green))
        text += "; " + against("CPU per URL", 1e3 * row.cpu_seconds_per_item(), "ms",
                               1e3 * other->cpu_seconds_per_item(), "a connection each");
    return text;
}

std::string boost_fibers(const comparison& work, const measurement& row) {
    const auto speedup = work.speedup(row);
    std::string text = pace(work, row) + " on " + threads(row) + ", in a sample of " + grouped(row.items());
    if (!row.sampled()) text = pace(work, row) + " on " + threads(row);
    if (speedup && *speedup < 1.5) text += ": a fiber that blocks in a socket blocks all the others of its thread";
    return text;
}

std::string download_sentence(const comparison& work, const measurement& row) {
    switch (row.order.model) {
        case model_id::sequential:
            return sequential(work, row);
        case model_id::thread_each:
            return thread_each(work, row);
        case model_id::thread_pool:
            return thread_pool(work, row);
        case model_id::process_pool:
            return process_pool(work, row);
        case model_id::green:
            return green(work, row);
        case model_id::keep_alive:
            return keep_alive(work, row);
        case model_id::boost_fibers:
            return boost_fibers(work, row);
    }
    return "";
}

// What only computes has its core for itself, unless somebody else wants it.
bool is_undisturbed(const measurement& computing) { return computing.cpu_seconds() > 0.95 * computing.wall_seconds; }

std::string cpu_sentence(const comparison& work, const measurement& row, std::size_t cores) {
    const auto speedup = work.speedup(row);
    switch (row.order.model) {
        case model_id::sequential:
            return readable(row.wall_seconds) + " s, " + cpu_share(row) + " of it CPU time" +
                   (is_undisturbed(row) ? ": nothing to wait for" : "");
        case model_id::green:
            return pace(work, row) + ", on " + threads(row) +
                   (speedup && *speedup < 1.2 ? ": green threads do not help CPU-bound work" : "");
        default:
            break;
    }
    std::string text = pace(work, row) + " with " + counted(row.order.concurrency, "worker", "workers") + " on " +
                       counted(cores, "core", "cores");
    if (row.order.model == model_id::process_pool) return text + ", creation included";
    text += ": C++ has no GIL, so threads ";
    const double possible = std::min(static_cast<double>(cores), most_cpu_speedup(row.order.nums));
    if (speedup && *speedup >= 1 + (possible - 1) / 2) return text + "do scale here";
    return text + "can scale, but of the cores this run got " + fixed(row.cpu_seconds() / row.wall_seconds, 1);
}

std::string titled(const measurement& row, const std::string& sentence) {
    return std::to_string(row.of().number()) + ' ' + std::string(row.of().title) + ": " + sentence + '.';
}

std::string target_sentence(const green_target& target) {
    std::string text = "Green threads against sequential, per URL: " + readable(target.speedup) + " times faster on " +
                       counted(target.threads, "thread", "threads");
    if (target.most) text += " (the delays allow " + readable(*target.most) + ")";
    text += "; to be reached: 0.8 x " + grouped(target.at_a_time) + " = " + readable(target.least) + " on one thread: ";
    if (target.reached()) return text + "reached.";
    if (target.most && *target.most < target.least) return text + "out of reach with so few URLs.";
    return text + "NOT REACHED.";
}

}  // namespace

std::vector<std::string> download_findings(const comparison& downloads) {
    std::vector<std::string> sentences;
    for (const measurement& row : downloads.rows())
        if (row.failed.empty()) sentences.push_back(titled(row, download_sentence(downloads, row)));

    if (const auto target = judge_green(downloads)) sentences.push_back(target_sentence(*target));
    const measurement* native = downloads.find(model_id::thread_each);
    const measurement* light = downloads.find(model_id::green);
    if (native != nullptr && light != nullptr)
        sentences.push_back("Peak memory, a native thread each against green threads: " + mib(native->memory_bytes()) +
                            " MiB / " + mib(light->memory_bytes()) +
                            " MiB = " + readable(memory(*native) / memory(*light)) + " times as much.");
    return sentences;
}

std::vector<std::string> cpu_findings(const comparison& cpu, std::size_t cores) {
    std::vector<std::string> sentences;
    for (const measurement& row : cpu.rows())
        if (row.failed.empty()) sentences.push_back(titled(row, cpu_sentence(cpu, row, cores)));
    if (const measurement* base = cpu.find(model_id::sequential); base != nullptr && !is_undisturbed(*base))
        sentences.push_back(
            "The machine was busy with other work meanwhile: compare CPU times rather than wall times.");
    if (cores > 2 && !sentences.empty())
        sentences.push_back("With these jobs no number of cores is more than " +
                            readable(most_cpu_speedup(cpu.rows().front().order.nums)) +
                            " times faster: the longest job is never split.");
    return sentences;
}

}  // namespace compare
