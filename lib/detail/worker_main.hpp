// The life of a worker process.
#pragma once

#include <string>

namespace crocus::detail {

inline constexpr int worker_socket = 3;
inline constexpr const char* worker_marker = "--crocus-worker";  // argv[1]; argv[2] is the pool's process

[[nodiscard]] bool is_worker(int argc, char** argv) noexcept;

/// Runs calls until the pool closes the socket or its process ends.
[[noreturn]] void serve_calls(char** argv);

/// As it stands in source code.
[[nodiscard]] std::string function_name(const char* registered_name);

}  // namespace crocus::detail
