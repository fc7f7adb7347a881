// The C++ runtime's exception state of the calling thread.
#pragma once

#include <cxxabi.h>

#include <crocus/detail/this_thread.hpp>

#ifdef _LIBCPP_VERSION  // its library has it, and its header does not say so
namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1
#endif

namespace crocus::detail {

/// Counts as constant for the compiler: not to be called on both sides of a switch in one function.
inline exception_globals& exceptions_of_thread() noexcept {
    return *reinterpret_cast<exception_globals*>(abi::__cxa_get_globals());
}

}  // namespace crocus::detail
