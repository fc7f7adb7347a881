// Which core serves, and which one asks.
#pragma once

namespace bench {

struct cores {
    int server;
    int load;
};

/// The last two of those that this process may use: the first is where a machine's interrupts tend to go. Says so if
/// there is only one.
cores choose_cores();

/// Holds the calling thread, and what it starts, to a core.
void pin_to(int core) noexcept;

}  // namespace bench
