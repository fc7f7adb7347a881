#include <crocus/unraisable.hpp>

#include <cstdio>
#include <mutex>
#include <utility>

#include <crocus/error.hpp>

namespace crocus {

namespace {

void print_unraisable(const std::string& where, const std::exception_ptr& error) {
    std::fprintf(stderr, "crocus: exception ignored %s: %s\n", where.c_str(), describe(error).c_str());
}

struct hook_slot {
    std::mutex mutex;
    unraisable_hook hook = print_unraisable;
};

// Never destroyed: static objects may still close generators after main has ended.
hook_slot& slot() {
    static auto* const instance = new hook_slot;
    return *instance;
}

}  // namespace

unraisable_hook set_unraisable_hook(unraisable_hook hook) {
    const std::scoped_lock lock(slot().mutex);
    return std::exchange(slot().hook, hook ? std::move(hook) : unraisable_hook(print_unraisable));
}

void report_unraisable(const std::string& where, std::exception_ptr error) noexcept {
    try {
        unraisable_hook hook;
        {
            const std::scoped_lock lock(slot().mutex);
            hook = slot().hook;
        }
        hook(where, error);
    } catch (...) {
        std::fputs("crocus: the unraisable hook itself threw\n", stderr);
    }
}

}  // namespace crocus
