// The names of calls on a stack, for a person to read.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <crocus/config.hpp>

namespace crocus::detail {

/// Of the call that returns there: the function's name where the program exports it (-rdynamic), else
/// "program+0x12ab", for addr2line.
CROCUS_EXPORT std::string frame_name(void* return_address);

/// "wait_for_reply < handle_client < main": some frames, the innermost first. What is crocus' own is left out as far as
/// names tell, but for the call that came from outside.
CROCUS_EXPORT std::string names_of(std::span<void* const> frames);

/// The same of the calling flow's.
CROCUS_EXPORT std::string names_of_callers();

}  // namespace crocus::detail
