// Faults that a sanitizer, or valgrind, is to find inside fibers: planted_faults FAULT. It is built with each, against
// the one plain library, and run by fiber/sanitizers.cpp.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <latch>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

namespace {

using crocus::generator;

/// The compiler knows nothing about p from here on.
template <class T>
[[gnu::noinline]] T* hidden(T* p) {
    asm volatile("" : "+r"(p) : : "memory");
    return p;
}

int* volatile kept = nullptr;

/// In a task, after other tasks have run in between.
void in_a_task(const std::function<void()>& f) {
    crocus::run([&] {
        auto other = crocus::create_task([] {
            for (int i = 0; i != 3; ++i) crocus::yield_now();
        });
        auto faulty = crocus::create_task([&] {
            crocus::yield_now();
            f();
        });
        faulty.get();
        other.get();
    });
}

/// Everything that a sanitizer may get wrong by itself: switches, exceptions, exits, from several threads.
void no_fault() {
    const auto work = [] {
        generator<int> numbers = [](auto& yield) {
            for (int i = 0;; ++i) {
                try {
                    throw i;
                } catch (int caught) {
                    yield(caught);
                }
            }
        };
        for (int i = 0; i != 20; ++i)
            in_a_task([&] {
                std::string text(100, 'x');
                crocus::yield_now();
                if (*numbers.next() < 0 || text.size() != 100) std::abort();
            });
    };
    work();  // alone: what the library makes once it makes out of ThreadSanitizer's sight
    std::thread other(work);
    work();
    other.join();
}

void use_after_free() {
    in_a_task([] {
        int* const p = hidden(new int(1));
        delete p;
        std::printf("%d\n", *hidden(p));
    });
}

[[gnu::noinline]] int* address_of_a_local() {
    int local = 1;
    return hidden(&local);
}

void use_after_return() {
    in_a_task([] {
        int* const p = address_of_a_local();
        crocus::yield_now();
        std::printf("%d\n", *p);
    });
}

void stack_buffer_overflow() {
    in_a_task([] {
        char buffer[16] = {};
        crocus::yield_now();
        hidden(buffer)[16] = 1;
        std::printf("%d\n", buffer[0]);
    });
}

void signed_overflow() {
    in_a_task([] {
        int most = std::numeric_limits<int>::max();
        hidden(&most);
        std::printf("%d\n", most + 1);
    });
}

void race() {
    static int shared = 0;
    static std::latch both(2);  // from here on nothing that they share brings one in order after the other
    const auto work = [] {
        in_a_task([] {
            both.arrive_and_wait();
            for (int i = 0; i != 1000; ++i) {
                ++*hidden(&shared);
                crocus::yield_now();
            }
        });
    };
    std::thread other(work);
    work();
    other.join();
}

void leak() {
    in_a_task([] {
        kept = hidden(new int[1000]);
        crocus::yield_now();
        kept = nullptr;
    });
}

/// Not a fault: somebody holds it to the end.
void held_by_a_suspended_fiber() {
    static auto* const forever = new generator<int>([](auto& yield) {
        auto owned = std::make_unique<int[]>(1000);
        yield(owned[0]);
        yield(owned[1]);
    });
    forever->next();
}

void uninitialised() {
    in_a_task([] {
        int values[64];
        int* const p = hidden(values);
        crocus::yield_now();
        if (p[37] == 5) std::puts("five");
    });
}

const std::map<std::string, void (*)()> faults{{"no_fault", no_fault},
                                               {"use_after_free", use_after_free},
                                               {"use_after_return", use_after_return},
                                               {"stack_buffer_overflow", stack_buffer_overflow},
                                               {"signed_overflow", signed_overflow},
                                               {"race", race},
                                               {"leak", leak},
                                               {"held_by_a_suspended_fiber", held_by_a_suspended_fiber},
                                               {"uninitialised", uninitialised}};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 || !faults.contains(argv[1])) return 2;
    faults.at(argv[1])();
}
