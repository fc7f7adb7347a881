#include "model_run.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "child_process.hpp"
#include "process_sampler.hpp"

namespace compare {
namespace {

constexpr std::chrono::minutes longest_silence{5};

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

class run {
public:
    explicit run(const work_order& order)
        : child_({"--role=model", order.to_string()}),
          sampler_(child_.pid(), find_model(order.model).several_processes) {
        result_.order = order;
    }

    measurement watch(const on_progress& progress) {
        using clock = std::chrono::steady_clock;
        auto heard = clock::now();
        while (!child_.ended()) {
            sampler_.sample();
            while (const auto line = child_.next_line(process_sampler::period)) {
                heard = clock::now();
                understand(*line, progress);
                sampler_.sample();
            }
            progress(done_);
            if (clock::now() - heard > longest_silence) {
                result_.failed = "nothing happened for five minutes";
                return result_;  // the child's destructor ends it
            }
        }
        finish(child_.wait());
        return result_;
    }

private:
    void understand(const std::string& line, const on_progress& progress) {
        std::istringstream words(line);
        std::string word;
        std::size_t value = 0;
        words >> word;
        if (word == "failed") {
            result_.failed = line.substr(word.size() + 1);
        } else if (word == "end") {
            complete_ = true;
        } else if (words >> value) {
            if (word == "done") progress(done_ = value);
            if (word == "wall") result_.wall_seconds = 1e-9 * static_cast<double>(value);
            if (word == "bytes") bytes_ = value;
            if (word == "peak") own_peak_ = value;
            if (word == "count" && words >> word) result_.answers.add(word, value, std::exchange(bytes_, 0));
        }
    }

    void finish(const child_process::exit& exit) {
        if (result_.failed.empty() && (exit.status != 0 || !complete_))
            result_.failed = "the process ended early: " + describe_exit(exit.status);
        result_.user_seconds = seconds(exit.usage.ru_utime);
        result_.system_seconds = seconds(exit.usage.ru_stime);
        result_.voluntary_switches = static_cast<std::size_t>(exit.usage.ru_nvcsw);
        result_.involuntary_switches = static_cast<std::size_t>(exit.usage.ru_nivcsw);
        result_.resident_bytes = sampler_.peak_bytes();
        if (!result_.of().several_processes) result_.resident_bytes = std::max(result_.resident_bytes, own_peak_);
        result_.memory_method = sampler_.method();
        result_.threads = sampler_.peak_threads();
        result_.processes = sampler_.peak_processes();
        if (const auto each = kernel_stack_bytes_per_thread()) result_.kernel_stack_bytes = *each * result_.threads;
        const bool plan_known = result_.order.own_server || result_.order.work == workload::cpu;
        result_.as_expected = plan_known ? result_.answers == result_.order.expected() : result_.answers.broken() == 0;
    }

    child_process child_;
    process_sampler sampler_;
    measurement result_;
    std::size_t done_ = 0;
    std::size_t bytes_ = 0;
    std::size_t own_peak_ = 0;
    bool complete_ = false;
};

}  // namespace

measurement run_model(const work_order& order, const on_progress& progress) { return run(order).watch(progress); }

}  // namespace compare
