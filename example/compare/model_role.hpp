// A child process that runs one execution model and reports on the channel.
#pragma once

#include <string_view>

namespace compare {

/// Returns the exit status.
int run_model_role(std::string_view order);

}  // namespace compare
