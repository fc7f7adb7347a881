// How often values are made, copied, moved and destroyed, and whether somebody uses one that is gone.
#pragma once

#include <compare>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include <crocus/config.hpp>

namespace crocus::testing {

class tracked;

/// The book of some tracked values.
///
/// Of a value that outlives it nothing is noted any more.
/// Thread:   any.
class CROCUS_EXPORT lifetimes {
public:
    lifetimes();
    lifetimes(const lifetimes&) = delete;
    lifetimes& operator=(const lifetimes&) = delete;
    ~lifetimes();

    /// How many were made of nothing but a number, of another that stayed, and of another that was left empty; by
    /// assignment, too.
    [[nodiscard]] std::size_t made() const;
    [[nodiscard]] std::size_t copied() const;
    [[nodiscard]] std::size_t moved() const;
    [[nodiscard]] std::size_t destroyed() const;

    /// How many there are now.
    [[nodiscard]] std::size_t alive() const;

    /// What went wrong, each in words: a value was used after it had been moved from or destroyed, or was destroyed
    /// twice.
    [[nodiscard]] std::vector<std::string> faults() const;

    /// None is alive, and nothing went wrong.
    [[nodiscard]] bool clean() const;

private:
    class registry;
    friend class tracked;
    struct counts {
        std::size_t made = 0;
        std::size_t copied = 0;
        std::size_t moved = 0;
        std::size_t destroyed = 0;
        std::size_t alive = 0;
    };

    counts counts_;
    std::vector<std::string> faults_;
};

/// A number that is written down: as a queue's item, a task's result, an exception, a captured value.
class CROCUS_EXPORT tracked {
public:
    explicit tracked(lifetimes& book, int number = 0);
    tracked(const tracked& other);
    tracked(tracked&& other) noexcept;
    tracked& operator=(const tracked& other);
    tracked& operator=(tracked&& other) noexcept;
    ~tracked();

    /// A fault if it was moved from.
    [[nodiscard]] int number() const;

    friend bool operator==(const tracked& a, const tracked& b) { return a.number() == b.number(); }
    friend std::strong_ordering operator<=>(const tracked& a, const tracked& b) { return a.number() <=> b.number(); }

private:
    int number_;
};

}  // namespace crocus::testing
