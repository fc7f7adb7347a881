// Version and symbol export. Everything else that depends on the platform is chosen inside lib/.
#pragma once

#define CROCUS_VERSION_MAJOR 0
#define CROCUS_VERSION_MINOR 1
#define CROCUS_VERSION_PATCH 0
#define CROCUS_VERSION_STRING "0.1.0"

/// Marks what the shared library exports; everything else is hidden (-fvisibility=hidden).
#define CROCUS_EXPORT __attribute__((visibility("default")))

namespace crocus::detail {
struct debug_layout;  // tells debuggers where members lie (lib/detail/debug_descriptor.cpp)
}
