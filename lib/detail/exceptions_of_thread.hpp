// The C++ runtime's exception state of the calling thread.
#pragma once

#include <cxxabi.h>

#include <crocus/detail/this_thread.hpp>

namespace crocus::detail {

/// Counts as constant for the compiler: not to be called on both sides of a switch in one function.
inline exception_globals& exceptions_of_thread() noexcept {
    return *reinterpret_cast<exception_globals*>(abi::__cxa_get_globals());
}

}  // namespace crocus::detail
