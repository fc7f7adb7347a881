// The HTTP server of the downloads: crocus streams, a green thread per connection. It makes every answer wait, and
// fails some, as the latency plan says.
#pragma once

#include "latency_plan.hpp"

namespace compare {

/// Serves on a free port of 127.0.0.1 and tells it on the channel ("port N"). Ends when the channel is closed.
[[noreturn]] void serve(const latency_plan& plan);

}  // namespace compare
