// Runs a program's benchmarks and prints each subject's implementations side by side.
//
// A benchmark's name is subject/implementation[/size]. What is printed, and what --benchmark_out=FILE keeps, is the
// median of several repetitions, which the implementations take in turns. The program pins itself to one core.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sched.h>

#include <benchmark/benchmark.h>

namespace {

using run = benchmark::BenchmarkReporter::Run;

/// The repetition in the middle. Nothing for Google Benchmark's own aggregates.
std::vector<run> median(std::vector<run> runs) {
    std::erase_if(runs, [](const run& r) { return r.run_type != run::RT_Iteration; });
    if (runs.empty()) return runs;
    const auto middle = runs.begin() + std::ssize(runs) / 2;
    std::nth_element(runs.begin(), middle, runs.end(),
                     [](const run& a, const run& b) { return a.GetAdjustedCPUTime() < b.GetAdjustedCPUTime(); });
    run one = *middle;
    one.run_name.iterations.clear();  // a fixed number of iterations, or repetitions, is no part of the name
    one.run_name.repetitions.clear();
    return {one};
}

class file_reporter : public benchmark::JSONReporter {
public:
    void ReportRuns(const std::vector<run>& runs) override {
        if (const auto one = median(runs); !one.empty()) JSONReporter::ReportRuns(one);
    }
};

class pair_reporter : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }

    void ReportRuns(const std::vector<run>& runs) override {
        for (const run& r : median(runs)) {
            const std::string name = r.benchmark_name();
            if (r.error_occurred) {
                std::printf("%s failed: %s\n", name.c_str(), r.error_message.c_str());
                failed_ = true;
                continue;
            }
            const auto [subject, implementation] = split(name);
            const auto bytes = r.counters.find("bytes_per_task");
            const bool is_memory = bytes != r.counters.end();
            const double to_ns = 1e9 / benchmark::GetTimeUnitMultiplier(r.time_unit);
            const figure f{name, is_memory ? bytes->second.value : r.GetAdjustedCPUTime() * to_ns, is_memory};
            if (implementation == "crocus")
                ours_.insert_or_assign(subject, f);
            else
                peers_.insert_or_assign(std::pair(subject, implementation), f);
        }
    }

    void Finalize() override {
        for (const auto& [key, peer] : peers_)
            if (const auto our = ours_.find(key.first); our != ours_.end()) print(our->second, peer);
        for (const auto& [subject, our] : ours_) {
            const auto peer = peers_.lower_bound({subject, {}});
            if (peer == peers_.end() || peer->first.first != subject)
                std::printf("%-32s %10s\n", our.name.c_str(), text(our).c_str());
        }
        std::fflush(stdout);
    }

    [[nodiscard]] bool failed() const { return failed_; }

private:
    struct figure {
        std::string name;
        double value;
        bool is_memory;
    };

    /// yield/crocus/2 is crocus at yield/2.
    static std::pair<std::string, std::string> split(const std::string& name) {
        const auto first = name.find('/');
        const auto second = std::min(name.find('/', first + 1), name.size());
        return {name.substr(0, first) + name.substr(second), name.substr(first + 1, second - first - 1)};
    }

    static std::string text(const figure& f) {
        char value[64];
        if (f.is_memory)
            std::snprintf(value, sizeof value, "%.2f KiB", f.value / 1024);
        else if (f.value >= 1e6)
            std::snprintf(value, sizeof value, "%.0f ms", f.value / 1e6);
        else
            std::snprintf(value, sizeof value, "%.*f ns", f.value < 100 ? 1 : 0, f.value);
        return value;
    }

    static void print(const figure& our, const figure& peer) {
        const bool ahead = our.value <= peer.value;
        const char* const word = our.is_memory ? (ahead ? "smaller" : "larger") : (ahead ? "faster" : "slower");
        std::printf("%-32s %10s   %-36s %10s   %6.1fx %s\n", our.name.c_str(), text(our).c_str(), peer.name.c_str(),
                    text(peer).c_str(), ahead ? peer.value / our.value : our.value / peer.value, word);
    }

    std::map<std::string, figure> ours_;
    std::map<std::pair<std::string, std::string>, figure> peers_;
    bool failed_ = false;
};

/// Pins the process to the last core that it may use: the first is where a machine's interrupts tend to go.
void pin() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    for (int core = CPU_SETSIZE - 1; core >= 0; --core) {
        if (!CPU_ISSET(core, &allowed)) continue;
        CPU_ZERO(&allowed);
        CPU_SET(core, &allowed);
        ::sched_setaffinity(0, sizeof allowed, &allowed);
        return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    pin();
    char repetitions[] = "--benchmark_repetitions=5";
    char interleaved[] = "--benchmark_enable_random_interleaving=true";
    char seconds[] = "--benchmark_min_time=0.2";
    std::vector<char*> arguments = {argv[0], repetitions, interleaved, seconds};
    arguments.insert(arguments.end(), argv + 1, argv + argc);  // the caller's come last, and so win
    int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

    const bool writes_file = std::any_of(
        argv + 1, argv + argc, [](const std::string& argument) { return argument.rfind("--benchmark_out=", 0) == 0; });
    pair_reporter pairs;
    file_reporter file;
    benchmark::RunSpecifiedBenchmarks(&pairs, writes_file ? &file : nullptr);
    return pairs.failed() ? 1 : 0;
}
