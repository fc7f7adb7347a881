// Green threads that keep their connections: as many as work at a time, each takes the next item when it is done.
#include <algorithm>
#include <crocus.hpp>
#include <ranges>

#include "../green_download.hpp"
#include "models.hpp"

void compare::models::keep_alive(const work& w, collector& done) {
    crocus::run([&] {
        std::size_t next = 0;  // needs no lock: they all run on this thread
        const auto session = [&](std::size_t) {
            return [&] {
                keep_alive_session connection(w.order, w.flags);
                while (next < w.items.size()) done.add(connection.download(w.items[next++]));
            };
        };
        const std::size_t sessions = std::min(w.order.concurrency, w.items.size());
        crocus::gather(std::views::iota(std::size_t{0}, sessions) | std::views::transform(session));
    });
}
