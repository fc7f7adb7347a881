// Whether the process has, or may have had, another thread than the one that calls.
#pragma once

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace crocus::detail {

/// False only where it is certain. Once a thread was made it stays true.
inline bool other_threads_possible() noexcept {
#if __has_include(<sys/single_threaded.h>)
    return !__libc_single_threaded;
#else
    return true;
#endif
}

}  // namespace crocus::detail
