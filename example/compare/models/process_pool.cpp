// A pool of worker processes. Each learns first what the work is; then it is sent one item after the other.
#include <crocus.hpp>
#include <optional>
#include <string>

#include "models.hpp"

namespace compare::models {
namespace {

std::optional<work> work_here;  // in a worker

}  // namespace

void begin_in_worker(const std::string& order) { work_here.emplace(work_order::parse(order)); }

outcome perform_in_worker(std::size_t item) { return work_here->perform(item); }

void process_pool(const work& w, collector& done) {
    crocus::process_pool_executor pool(
        {.max_workers = w.order.concurrency,
         .initializer = crocus::make_remote_call<&begin_in_worker>(w.order.to_string())});
    for (const outcome& result : pool.map<&perform_in_worker>(w.items)) done.add(result);
}

}  // namespace compare::models
