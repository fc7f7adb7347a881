// What test/lock_check.cpp runs with crocus_lock_check preloaded, or linked (LINKED): each argument is something that
// is done with locks. The exception handler prints to stdout.
#include <array>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include <crocus/event_loop.hpp>
#include <crocus/generator.hpp>
#include <crocus/lock_check.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/wait_queue.hpp>

using namespace std::chrono_literals;

// Named in the reports: the program exports its functions.
#define CROCUS_NAMED [[gnu::noinline, gnu::visibility("default")]]

namespace probe {

std::mutex lock;

CROCUS_NAMED void waits() {
    crocus::sleep(1ms);
    asm volatile("");  // no tail call
}
CROCUS_NAMED void locks_and_waits() {
    const std::lock_guard held(lock);
    waits();
    waits();
    asm volatile("");
}
CROCUS_NAMED void lets_go_and_waits() {
    { const std::lock_guard held(lock); }
    waits();
    asm volatile("");
}
CROCUS_NAMED void locks_twice_and_waits() {
    static std::recursive_mutex again;
    std::unique_lock outer(again);
    std::unique_lock inner(again);
    inner.unlock();
    waits();
    asm volatile("");
}
CROCUS_NAMED void tries_and_waits() {
    std::unique_lock held(lock, std::try_to_lock);
    waits();
    asm volatile("");
}

struct slow {
    CROCUS_NAMED slow() {
        waits();
        std::puts("initialized");
    }
};
CROCUS_NAMED void wants_the_static() {
    static const slow s;
    std::puts("has it");
}

int attempts = 0;
struct fails_first {
    fails_first() {
        waits();
        if (++attempts == 1) throw attempts;
    }
};
CROCUS_NAMED void wants_the_static_that_fails() {
    try {
        static const fails_first s;
        std::puts("has it");
    } catch (int) {
        std::puts("failed");
    }
}

CROCUS_NAMED void wants_itself() {
    static const int s = [] {
        wants_itself();
        return 1;
    }();
    static_cast<void>(s);
}

void two(const std::function<void()>& f) {
    auto a = crocus::create_task(f, {.name = "first"});
    auto b = crocus::create_task(f, {.name = "second"});
    a.get();
    b.get();
}

/// A thread waits for a condition, with its mutex, while a task waits.
void condition() {
    std::condition_variable told;
    bool go = false;
    std::thread other([&] {
        std::unique_lock held(lock);
        told.wait(held, [&] { return go; });
    });
    waits();
    {
        const std::lock_guard held(lock);
        go = true;
    }
    told.notify_one();
    waits();
    other.join();
}

CROCUS_NAMED void generator_body() {
    crocus::generator<int> g([](auto& yield) {
        waits();
        yield(1);
    });
    const std::lock_guard held(lock);
    for (const int i : g) static_cast<void>(i);
}

#ifdef LINKED
void handler_locks_it_too() {
    std::recursive_mutex again;
    crocus::event_loop::current().set_exception_handler([&](crocus::event_loop&, const crocus::exception_context& c) {
        const std::lock_guard twice(again);
        const std::lock_guard another(lock);
        std::printf("report: %s\n", c.message.c_str());
    });
    crocus::create_task([&] {
        again.lock();
        waits();
        std::printf("holds %zu, ", crocus::held_locks().size());
        again.unlock();
        std::printf("then %zu\n", crocus::held_locks().size());
    }).get();
}
CROCUS_NAMED void lists() {
    static std::recursive_mutex again;
    std::printf("%zu, ", crocus::held_locks().size());
    {
        const std::scoped_lock held(lock, again);
        const std::scoped_lock twice(again);
        for (const auto& l : crocus::held_locks())
            std::printf("a %s at %d, ", l.kind, l.address == &lock ? 1 : l.address == &again ? 2 : 0);
        crocus::create_task([] { std::printf("another's: %zu, ", crocus::held_locks().size()); }).get();
        std::puts(crocus::held_locks()[0].locked_at.find("probe::lists()") == 0 ? "here" : "elsewhere");
    }
    std::printf("%zu\n", crocus::held_locks().size());
}
#endif

const std::map<std::string, std::function<void()>> all{
    {"locks", [] { crocus::create_task(locks_and_waits, {.name = "locker"}).get(); }},
    {"lets_go", [] { crocus::create_task(lets_go_and_waits, {.name = "locker"}).get(); }},
    {"recursive", [] { crocus::create_task(locks_twice_and_waits, {.name = "locker"}).get(); }},
    {"tries", [] { crocus::create_task(tries_and_waits, {.name = "locker"}).get(); }},
    {"main_flow", locks_and_waits},
    {"generator", [] { crocus::create_task(generator_body, {.name = "locker"}).get(); }},
    {"others",
     [] {
         auto waiting = crocus::create_task(
             [] {
                 for (int i = 0; i != 5; ++i) waits();
             },
             {.name = "waiting"});
         auto locking = crocus::create_task([] {
             for (int i = 0; i != 5; ++i) lets_go_and_waits();
         });
         waiting.get();
         locking.get();
     }},
    {"condition", condition},
    {"executor", [] { crocus::to_thread([] { std::this_thread::yield(); }); }},
    {"static", [] { two(wants_the_static); }},
    {"failing_static", [] { two(wants_the_static_that_fails); }},
    {"static_in_callback",
     [] {
         auto a = crocus::create_task(wants_the_static, {.name = "first"});
         crocus::event_loop::current().call_soon(wants_the_static);
         a.get();
     }},
    {"static_of_itself", wants_itself},
    {"static_beside_many_mutexes",
     [] {
         crocus::create_task([] {
             std::array<std::mutex, 100> many;
             for (std::mutex& m : many) m.lock();
             two(wants_the_static);
             for (std::mutex& m : many) m.unlock();
         }).get();
     }},
#ifdef LINKED
    {"lists", lists},
    {"handler_locks_it_too", handler_locks_it_too},
#endif
};

}  // namespace probe

int main(int, char** arguments) {
    crocus::event_loop::current().set_exception_handler([](crocus::event_loop&, const crocus::exception_context& c) {
        std::printf("report: %s\n", c.message.c_str());
    });
    while (*++arguments != nullptr) probe::all.at (*arguments)();
    std::puts("end");
}
