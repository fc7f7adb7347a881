#include "collector.hpp"

#include <string>

#include "process_status.hpp"

namespace compare {

void collector::start() { started_ = told_ = clock::now(); }

void collector::add(const outcome& one) {
    using namespace std::chrono_literals;
    const std::lock_guard lock(mutex_);
    tally_.add(one);
    const auto now = clock::now();
    if (now - told_ < 50ms) return;
    told_ = now;
    to_.send_line("done " + std::to_string(tally_.total()));
}

void collector::finish() {
    const std::chrono::nanoseconds wall = clock::now() - started_;
    to_.send_line("wall " + std::to_string(wall.count()));
    to_.send_line("bytes " + std::to_string(tally_.bytes()));
    for (const auto& [kind, count] : tally_.counts()) to_.send_line("count " + std::to_string(count) + ' ' + kind);
    if (const auto self = read_process_status("self"))
        to_.send_line("peak " + std::to_string(self->peak_resident_bytes));
    to_.send_line("end");
}

}  // namespace compare
