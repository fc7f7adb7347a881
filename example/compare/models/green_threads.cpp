// A green thread for every item, all on one native thread. A semaphore lets some of them work at a time, and each opens
// a connection of its own.
#include <crocus.hpp>
#include <ranges>

#include "../green_download.hpp"
#include "models.hpp"

void compare::models::green_threads(const work& w, collector& done) {
    crocus::run([&] {
        crocus::semaphore slots(w.order.concurrency);
        const auto one = [&](std::size_t item) {
            return [&, item] {
                slots.acquire();
                done.add(w.order.work == workload::cpu ? w.compute(item) : download_green(w.order, w.flags, item));
                slots.release();
            };
        };
        crocus::gather(w.items | std::views::transform(one));
    });
}
