// A pool of native threads: as many as work at a time, each takes the next item when it is done.
#include <crocus.hpp>

#include "models.hpp"

void compare::models::thread_pool(const work& w, collector& done) {
    crocus::thread_pool_executor pool({.max_workers = w.order.concurrency});
    for (const auto& result : pool.map([&](std::size_t item) { return w.perform(item); }, w.items)) done.add(result);
}
