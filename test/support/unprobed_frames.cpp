#include "support/unprobed_frames.hpp"

#include <cstddef>

namespace crocus::test {

namespace {

volatile bool never = false;

template <std::size_t Size>
[[gnu::noinline, gnu::no_sanitize_address]] char recurse() {
    volatile char frame[Size];
    asm volatile("" : : "r"(frame));  // all of it is wanted
    frame[0] = 1;
    if (never) return 0;
    const char below = recurse<Size>();
    return static_cast<char>(below + frame[0]);
}

}  // namespace

void recurse_in_frames_of_8_KiB() { recurse<std::size_t{8} << 10>(); }
void recurse_in_frames_of_32_KiB() { recurse<std::size_t{32} << 10>(); }

}  // namespace crocus::test
