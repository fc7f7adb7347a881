// Who a fiber is, for reports.
#pragma once

#include <source_location>

namespace crocus::detail {

/// What runs on a fiber, and where in the program it was made.
struct flow_identity {
    const char* kind;  // "generator", say
    const char* name;  // null: it has none
    std::source_location site;
};

}  // namespace crocus::detail
