// Signals, brought from where they interrupt to a loop.
#pragma once

#include <atomic>
#include <csignal>

#include <crocus/io_driver.hpp>

namespace crocus::detail {

/// Makes a note of a signal's arrivals, and wakes a driver. Of several claims the newest has the signal; when the last
/// one goes, what was there before the first is there again.
///
/// Thread: the main one; the signal may interrupt any.
class signal_claim {
public:
    enum class repeated { means_the_same, kills };  // an arrival before the last one was seen to

    /// Throws: std::system_error   the signal cannot be caught
    signal_claim(int signal, io_driver& wakes, repeated r = repeated::means_the_same);
    signal_claim(const signal_claim&) = delete;
    signal_claim& operator=(const signal_claim&) = delete;
    ~signal_claim() { end(); }

    /// The signal is not its any more. Idempotent.
    void end() noexcept;

    [[nodiscard]] bool arrived() const noexcept { return arrived_; }

    /// arrived(), and not any more.
    bool take() noexcept { return arrived_ && arrived_.exchange(false); }

    [[nodiscard]] static bool is_main_thread() noexcept;

    /// In a process that was forked: what was there before any claim is there again. The claims have nothing any more.
    static void give_back_all() noexcept;

private:
    static void on_signal(int signal);

    const int signal_;
    const repeated repeated_;
    io_driver& driver_;
    std::atomic<bool> arrived_{false};
    signal_claim* older_ = nullptr;
};

}  // namespace crocus::detail
