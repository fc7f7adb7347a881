// Errors with no caller.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include <crocus/config.hpp>

namespace crocus {

/// Receives an exception that has no caller to go to: one that leaves a destructor, say.
using unraisable_hook = std::function<void(const std::string& where, std::exception_ptr)>;

/// Installs the process's hook and returns the old one. The default prints one line to stderr.
///
/// Thread: any.
CROCUS_EXPORT unraisable_hook set_unraisable_hook(unraisable_hook hook);

/// Hands an exception to the hook. Never throws: if the hook does, that is printed to stderr.
///
/// Thread: any.
CROCUS_EXPORT void report_unraisable(const std::string& where, std::exception_ptr error) noexcept;

}  // namespace crocus
