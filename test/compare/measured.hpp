// Measurements with round figures, for what is worked out from them.
#pragma once

#include "measurement.hpp"

inline compare::measurement measured(compare::model_id model, std::size_t items, double wall_seconds) {
    compare::measurement m;
    m.order.model = model;
    m.order.urls = 1000;
    m.order.concurrency = 100;
    m.order.latency = {std::chrono::milliseconds(100), std::chrono::milliseconds(100)};
    m.answers.add("200", items, 20'000 * items);
    m.as_expected = true;
    m.wall_seconds = wall_seconds;
    m.user_seconds = 0.25;
    m.system_seconds = 0.75;
    m.resident_bytes = 4 << 20;
    m.memory_method = "VmHWM";
    m.kernel_stack_bytes = 16 << 10;
    m.threads = m.processes = 1;
    return m;
}

inline compare::measurement computed(compare::model_id model, double wall_seconds) {
    compare::measurement m = measured(model, 0, wall_seconds);
    m.order.work = compare::workload::cpu;
    m.order.nums = {63, 63, 50, 50, 32, 32};
    m.order.concurrency = 2;
    m.answers = {};
    m.answers.add("right", 6, 0);
    m.user_seconds = 9;
    m.system_seconds = 0;
    return m;
}
