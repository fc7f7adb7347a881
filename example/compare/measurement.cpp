#include "measurement.hpp"

#include <algorithm>

namespace compare {

comparison::comparison(workload work, std::span<const measurement> all) {
    std::ranges::copy_if(all, std::back_inserter(rows_), [&](const measurement& m) { return m.order.work == work; });
}

const measurement* comparison::find(model_id id) const {
    const auto found = std::ranges::find_if(rows_, [&](const measurement& m) { return m.order.model == id; });
    return found == rows_.end() || !found->failed.empty() ? nullptr : &*found;
}

std::optional<double> comparison::speedup(const measurement& row) const {
    const measurement* sequential = find(model_id::sequential);
    if (sequential == nullptr || !row.failed.empty()) return std::nullopt;
    return sequential->seconds_per_item() / row.seconds_per_item();
}

std::optional<green_target> judge_green(const comparison& downloads) {
    const measurement* green = downloads.find(model_id::green);
    if (green == nullptr) return std::nullopt;
    const auto speedup = downloads.speedup(*green);
    if (!speedup) return std::nullopt;
    const work_order& order = green->order;
    green_target target{*speedup, 0, std::min(order.concurrency, green->items()), green->threads, {}};
    target.least = 0.8 * static_cast<double>(target.at_a_time);
    if (order.own_server) target.most = order.plan().most_speedup(green->items(), target.at_a_time);
    return target;
}

}  // namespace compare
