// Boost.Fiber over blocking sockets. All items have a fiber; but the fibers know nothing of sockets, so that one that
// waits for its server keeps the thread, and the others with it.
#include <boost/fiber/fiber.hpp>
#include <vector>

#include "models.hpp"

void compare::models::boost_fibers(const work& w, collector& done) {
    std::vector<boost::fibers::fiber> fibers;
    for (const std::size_t item : w.items) fibers.emplace_back([&, item] { done.add(w.perform(item)); });
    for (boost::fibers::fiber& one : fibers) one.join();
}
