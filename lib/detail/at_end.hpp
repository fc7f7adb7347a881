// What is done when a function object goes.
#pragma once

#include <memory>

namespace crocus::detail {

/// Runs `f` when the function that holds it is destroyed: also if its task was cancelled before it ran.
template <class F>
std::shared_ptr<void> at_end(F f) {
    return {nullptr, [f](void*) { f(); }};
}

}  // namespace crocus::detail
