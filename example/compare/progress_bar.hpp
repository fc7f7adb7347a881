// One line that tells how far a run is; nothing at all where standard output is not a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace compare {

class progress_bar {
public:
    progress_bar(std::string title, std::size_t all);
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    /// Takes the line away.
    ~progress_bar();

    void show(std::size_t done);

    /// "title  [#####-----]  50 %  500 of 1,000  1.2 s", no wider than that.
    static std::string line(const std::string& title, std::size_t done, std::size_t all, double seconds,
                            std::size_t columns);

private:
    using clock = std::chrono::steady_clock;

    std::string title_;
    std::size_t all_;
    bool terminal_;
    clock::time_point started_ = clock::now();
    std::string shown_;
};

}  // namespace compare
