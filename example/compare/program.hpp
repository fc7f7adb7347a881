// The program, but for its main: its roles are chosen by the arguments.
#pragma once

#include <span>

namespace compare {

/// Without a role, what the user starts: it orders and measures. With one, as child_process gives it: the server, or
/// one execution model. Returns the exit status; what went wrong stands on standard error.
int run_program(std::span<const char* const> arguments);

}  // namespace compare
