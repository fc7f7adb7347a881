// Ctrl-C and SIGTERM: noticed where the program waits, so that everything that was started is ended and nothing is
// left half-written.
#pragma once

namespace compare {

/// Not an error, so not a std::exception.
struct interrupted {
    int signal;
};

void watch_for_interrupts();

/// Throws: interrupted   a signal has come
void throw_if_interrupted();

}  // namespace compare
