// The functions that stand before those of the C and the C++ library.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include <dlfcn.h>
#include <pthread.h>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

#include "held.hpp"

using crocus::lock_check::kind;

namespace {

/// The next library's function of that name. Found at its first call, which may come before any constructor.
template <class F>
class next_function;

template <class R, class... Arguments>
class next_function<R(Arguments...)> {
public:
    explicit constexpr next_function(const char* name) noexcept : name_(name) {}
    R operator()(Arguments... a) noexcept {
        auto f = found_.load(std::memory_order_relaxed);
        if (f == nullptr) {
            f = reinterpret_cast<function>(::dlsym(RTLD_NEXT, name_));
            found_.store(f, std::memory_order_relaxed);
        }
        return f(a...);
    }

private:
    using function = R (*)(Arguments...);
    const char* const name_;
    std::atomic<function> found_{nullptr};
};

constinit next_function<int(pthread_mutex_t*)> next_lock("pthread_mutex_lock");
constinit next_function<int(pthread_mutex_t*)> next_trylock("pthread_mutex_trylock");
constinit next_function<int(pthread_mutex_t*, const timespec*)> next_timedlock("pthread_mutex_timedlock");
constinit next_function<int(pthread_mutex_t*, clockid_t, const timespec*)> next_clocklock("pthread_mutex_clocklock");
constinit next_function<int(pthread_mutex_t*)> next_unlock("pthread_mutex_unlock");
constinit next_function<int(long long*)> next_acquire("__cxa_guard_acquire");
constinit next_function<void(long long*)> next_release("__cxa_guard_release");
constinit next_function<void(long long*)> next_abort("__cxa_guard_abort");

int noted(int result, const pthread_mutex_t* m, const void* site) noexcept {
    if ((result == 0 || result == EOWNERDEAD) && crocus::lock_check::watching())
        crocus::lock_check::note(kind::mutex, m, site);
    return result;
}

// ------------------------------------------------------------------------------------------------------------- statics

/// Tasks that want a static which another task of their thread initializes.
struct static_waiters {
    const long long* guard;
    static_waiters* next;
    std::size_t count = 0;
    crocus::wait_queue queue{};
};
constinit thread_local static_waiters* waited_for = nullptr;

static_waiters** place_of(const long long* guard) noexcept {
    static_waiters** link = &waited_for;
    while (*link != nullptr && (*link)->guard != guard) link = &(*link)->next;
    return link;
}

[[noreturn]] void die(const char* why) noexcept {
    // Compilers take it that __cxa_guard_acquire throws nothing.
    std::fprintf(stderr, "crocus: fatal: deadlock: a function-local static is wanted while it is initialized, %s\n",
                 why);
    std::abort();
}

/// As a task, until the one that initializes it is done, or has failed.
void wait_for(const long long* guard) noexcept {
    static_waiters*& place = *place_of(guard);
    if (place == nullptr) place = new static_waiters{guard, nullptr};
    static_waiters* const w = place;
    ++w->count;
    try {
        crocus::defer_cancellation([w] { w->queue.wait(); });
    } catch (const std::exception& e) {
        std::fprintf(stderr, "crocus: %s\n", e.what());
        die("by a task of this thread, and who wants it cannot wait");
    }
    if (--w->count == 0) delete w;
}

void end_initialization(const long long* guard) noexcept {
    crocus::lock_check::forget(kind::static_guard, guard);
    static_waiters** const link = place_of(guard);
    static_waiters* const w = *link;
    if (w == nullptr) return;
    *link = w->next;
    w->queue.notify_all();
}

}  // namespace

#define CROCUS_INTERPOSED extern "C" [[gnu::visibility("default"), gnu::noinline]]

CROCUS_INTERPOSED int pthread_mutex_lock(pthread_mutex_t* m) noexcept {
    return noted(next_lock(m), m, __builtin_return_address(0));
}
CROCUS_INTERPOSED int pthread_mutex_trylock(pthread_mutex_t* m) noexcept {
    return noted(next_trylock(m), m, __builtin_return_address(0));
}
CROCUS_INTERPOSED int pthread_mutex_timedlock(pthread_mutex_t* m, const timespec* until) noexcept {
    return noted(next_timedlock(m, until), m, __builtin_return_address(0));
}
CROCUS_INTERPOSED int pthread_mutex_clocklock(pthread_mutex_t* m, clockid_t clock, const timespec* until) noexcept {
    return noted(next_clocklock(m, clock, until), m, __builtin_return_address(0));
}
CROCUS_INTERPOSED int pthread_mutex_unlock(pthread_mutex_t* m) noexcept {
    crocus::lock_check::forget(kind::mutex, m);
    return next_unlock(m);
}

CROCUS_INTERPOSED int __cxa_guard_acquire(long long* guard) noexcept {
    while (const void* const owner = crocus::lock_check::initializer_of(guard)) {
        if (owner == crocus::lock_check::current_owner()) die("by the very task that wants it");
        wait_for(guard);
    }
    const int begins = next_acquire(guard);
    if (begins != 0) crocus::lock_check::note(kind::static_guard, guard, __builtin_return_address(0));
    return begins;
}
CROCUS_INTERPOSED void __cxa_guard_release(long long* guard) noexcept {
    next_release(guard);
    end_initialization(guard);
}
CROCUS_INTERPOSED void __cxa_guard_abort(long long* guard) noexcept {
    next_abort(guard);
    end_initialization(guard);
}
