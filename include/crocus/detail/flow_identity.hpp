// Who a fiber is, for reports.
#pragma once

#include <cstdint>
#include <source_location>

#include <crocus/detail/rare_text.hpp>

namespace crocus::detail {

/// What runs on a fiber, and where in the program it was made.
struct flow_identity {
    const char* kind;       // "generator", say
    const rare_text* name;  // null: it has none
    std::source_location site;
    std::uint64_t number = 0;  // of a task: its name, where nobody gave it one
};

}  // namespace crocus::detail
