#include "cores.hpp"

#include <cstdio>
#include <vector>

#include <sched.h>

namespace bench {

cores choose_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<int> found;
    for (int core = CPU_SETSIZE - 1; core >= 0; --core)
        if (CPU_ISSET(core, &allowed)) found.push_back(core);
    if (found.size() >= 2) return {.server = found[0], .load = found[1]};
    std::puts("There is one core for the servers and for the load: the figures are not those of two.");
    return {.server = found.at(0), .load = found.at(0)};
}

void pin_to(int core) noexcept {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

}  // namespace bench
