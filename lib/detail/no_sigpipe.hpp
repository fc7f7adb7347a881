// Writing to what nobody reads any more, without dying of it.
#pragma once

#include <cerrno>
#include <csignal>
#include <ctime>

namespace crocus::detail {

/// Calls `write()`, for descriptors that know no MSG_NOSIGNAL: SIGPIPE is held back from the calling thread, and one that
/// the call brought is taken away. How the process deals with the signal otherwise is its own affair.
/// `in_parts`: what is written in parts may have met the end behind one that was taken, and say nothing but how much was.
template <class Write>
auto without_sigpipe(Write write, bool in_parts = false) noexcept {
    sigset_t pipe_alone;
    ::sigemptyset(&pipe_alone);
    ::sigaddset(&pipe_alone, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    const bool was_pending = ::sigismember(&pending, SIGPIPE) == 1;
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &pipe_alone, &before);
    const auto result = write();
    const int error = errno;
    if (!was_pending && (result < 0 ? error == EPIPE : in_parts)) {
        const timespec now{0, 0};
        while (::sigtimedwait(&pipe_alone, nullptr, &now) < 0 && errno == EINTR) {
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return result;
}

}  // namespace crocus::detail
