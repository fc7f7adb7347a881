#include "signal_claim.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <thread>

#include <unistd.h>

namespace crocus::detail {

namespace {

struct claimed_signal {
    std::atomic<signal_claim*> newest{nullptr};
    struct sigaction before {};
};

std::array<claimed_signal, NSIG> claimed;
std::atomic<int> handlers_running{0};
static_assert(std::atomic<signal_claim*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

claimed_signal& of(int signal) noexcept { return claimed[static_cast<std::size_t>(signal)]; }

}  // namespace

bool signal_claim::is_main_thread() noexcept { return ::gettid() == ::getpid(); }

void signal_claim::on_signal(int signal) {
    const int error_number = errno;
    ++handlers_running;
    if (signal_claim* const claim = of(signal).newest.load()) {
        if (claim->arrived_.exchange(true) && claim->repeated_ == repeated::kills) {
            std::signal(signal, SIG_DFL);
            std::raise(signal);
        }
        claim->driver_.wake();
    }
    --handlers_running;
    errno = error_number;
}

signal_claim::signal_claim(int signal, io_driver& wakes, repeated r) : signal_(signal), repeated_(r), driver_(wakes) {
    older_ = of(signal).newest.load();
    of(signal).newest = this;
    if (older_ != nullptr) return;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_ONSTACK | (r == repeated::kills ? 0 : SA_RESTART);
    sigemptyset(&action.sa_mask);
    if (::sigaction(signal, &action, &of(signal).before) == 0) return;
    const int error = errno;
    of(signal).newest = nullptr;
    throw std::system_error(error, std::generic_category(), "signal " + std::to_string(signal) + " cannot be caught");
}

void signal_claim::end() noexcept {
    claimed_signal& signal = of(signal_);
    if (signal_claim* newer = signal.newest.load(); newer != this) {
        while (newer != nullptr && newer->older_ != this) newer = newer->older_;
        if (newer != nullptr) newer->older_ = older_;
    } else if (struct sigaction now{}; older_ == nullptr && ::sigaction(signal_, nullptr, &now) == 0) {
        // Not where somebody has put a handler of his own over it.
        if (now.sa_handler == on_signal) ::sigaction(signal_, &signal.before, nullptr);
        signal.newest = nullptr;
    } else {
        signal.newest = older_;
    }
    while (handlers_running != 0) std::this_thread::yield();  // on another thread: it may have seen this
}

void signal_claim::give_back_all() noexcept {
    for (int signal = 1; signal != NSIG; ++signal)
        if (of(signal).newest.exchange(nullptr) != nullptr) ::sigaction(signal, &of(signal).before, nullptr);
    handlers_running = 0;  // on threads that this process does not have
}

}  // namespace crocus::detail
