// How a child is started, and how its end is known.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <sys/types.h>

#include <crocus/io/fd.hpp>
#include <crocus/process.hpp>

namespace crocus {

struct spawned {
    pid_t pid = -1;
    fd process;               // readable when the child has ended
    std::array<fd, 3> pipes;  // our ends
};

spawned spawn(const std::vector<std::string>& command, const subprocess_options& options);

}  // namespace crocus
