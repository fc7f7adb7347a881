// The child's end of the socket between a child process and the one that started it. Text lines; a child whose
// other end is gone has nobody to work for, and leaves.
#pragma once

#include <string>

namespace compare {

class channel {
public:
    /// Where a child finds it.
    static constexpr int descriptor = 3;

    /// Adopts the descriptor, and asks the kernel to kill this process when its parent dies.
    channel();

    /// Exits the process if nobody listens any more.
    void send_line(std::string line);

    /// Returns when the other end is closed.
    void wait_closed() const;
};

}  // namespace compare
