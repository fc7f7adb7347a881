// What a primitive says of itself.
#pragma once

#include <string>
#include <string_view>

#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// "mutex [locked, waiters:1]", as Python's reprs have it.
inline std::string state_text(const wait_subject& of, std::string_view state, const wait_queue& waiters) {
    std::string text = std::string(of.kind) + " [" + std::string(state);
    if (!waiters.empty()) text += ", waiters:" + std::to_string(waiters.size());
    return text + ']';
}

}  // namespace crocus::detail
