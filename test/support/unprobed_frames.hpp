// Endless recursion, compiled without -fstack-clash-protection: nothing touches a frame but what is said here.
#pragma once

namespace crocus::test {

/// Recurses until the stack is overrun, in frames that touch one byte only, at their far end.
void recurse_in_frames_of_8_KiB();
void recurse_in_frames_of_32_KiB();

}  // namespace crocus::test
