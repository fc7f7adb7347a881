// The server that the comparison starts for itself, in a process of its own.
#pragma once

#include <cstdint>

#include "child_process.hpp"
#include "options.hpp"

namespace compare {

class server_process {
public:
    /// Returns when it listens.
    ///
    /// Throws: failure   it does not come up
    explicit server_process(const options& of);

    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// Throws: failure   it has died
    void check();

private:
    child_process child_;
    std::uint16_t port_ = 0;
};

}  // namespace compare
