// What several rounds have shown of each server.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cores.hpp"
#include "figures.hpp"

namespace bench {

class comparison {
public:
    comparison(cores where, std::chrono::duration<double> time) : where_(where), time_(time) {}

    /// One server, once.
    ///
    /// Throws: failure
    void measure(const std::string& server, std::size_t connections);

    /// A table, each server beside the first.
    void print(const std::vector<std::string>& servers, std::size_t connections) const;

    void write(const std::string& file) const;

private:
    /// For each message.
    struct cost {
        double wall_ns = 0;
        double cpu_ns = 0;
        double user_ns = 0;
    };
    struct rounds {
        std::vector<cost> costs;
        std::uint64_t messages = 0;

        [[nodiscard]] cost usual() const;
    };

    cores where_;
    std::chrono::duration<double> time_;
    std::map<std::pair<std::size_t, std::string>, rounds> of_;
};

}  // namespace bench
