// One function per execution model. Each does all the items of the work and differs from the others only in who waits
// for what, and where.
#pragma once

#include "../collector.hpp"
#include "../work.hpp"

namespace compare::models {

void sequential(const work& w, collector& done);
void thread_each(const work& w, collector& done);
void thread_pool(const work& w, collector& done);
void process_pool(const work& w, collector& done);
void green_threads(const work& w, collector& done);
void keep_alive(const work& w, collector& done);
void boost_fibers(const work& w, collector& done);

}  // namespace compare::models
