#include "figures.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "failure.hpp"

namespace bench {

namespace {

const std::string begin_of_figure = R"(    {"name": ")";

/// A line of its own, so that it is found again.
std::string line_of(const figure& f) {
    char numbers[256];
    std::snprintf(numbers, sizeof numbers,
                  R"("repetitions": %zu, "repetition_index": 0, "threads": 1, "iterations": %llu, )"
                  R"("real_time": %.6e, "cpu_time": %.6e, "time_unit": "ns", )",
                  f.repetitions, static_cast<unsigned long long>(f.iterations), f.real_time, f.cpu_time);
    char counter[128];
    std::snprintf(counter, sizeof counter, R"("%s": %.6e})", f.counter.c_str(), f.counted);
    return begin_of_figure + f.name + R"(", "run_name": ")" + f.name + R"(", "run_type": "iteration", )" + numbers +
           counter;
}

std::vector<std::string> lines_that_stay(const std::string& file, const std::string& subject) {
    std::vector<std::string> kept;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with(begin_of_figure) || line.starts_with(begin_of_figure + subject)) continue;
        if (line.ends_with(',')) line.pop_back();
        kept.push_back(line);
    }
    return kept;
}

std::string now() {
    const std::time_t time = std::time(nullptr);
    char text[64];
    std::strftime(text, sizeof text, "%FT%T%z", std::localtime(&time));
    return text;
}

}  // namespace

void write_figures(const std::string& file, const std::string& subject, const std::vector<figure>& figures) {
    std::vector<std::string> lines = lines_that_stay(file, subject);
    for (const figure& f : figures) lines.push_back(line_of(f));
    if (const auto folder = std::filesystem::path(file).parent_path(); !folder.empty())
        std::filesystem::create_directories(folder);
    std::ofstream out(file);
    out << "{\n  \"context\": {\"date\": \"" << now()
        << "\", \"executable\": \"bench_net\", \"num_cpus\": " << std::thread::hardware_concurrency()
        << "},\n  \"benchmarks\": [\n";
    for (std::size_t i = 0; i != lines.size(); ++i) out << lines[i] << (i + 1 == lines.size() ? "\n" : ",\n");
    out << "  ]\n}\n";
    if (!out.flush()) fail(file + " cannot be written");
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace bench
