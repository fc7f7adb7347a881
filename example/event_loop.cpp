// Input from the keyboard as I/O-bound work: dots go on appearing while it waits for a line, first by a callback of the
// loop, then by straight-line code. Ctrl-C says goodbye.
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

/// The loop calls back whenever there is something to read. A byte at a time is taken: what is left is found again.
std::string line_by_callback() {
    auto& loop = crocus::event_loop::current();
    std::string text;
    crocus::future<void> complete;
    loop.add_reader(STDIN_FILENO, [&] {
        char c = 0;
        if (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
            text += c;
            return;
        }
        loop.remove_reader(STDIN_FILENO);
        complete.set_result();
    });
    struct remove_at_the_end {  // what the callback refers to goes away, also where the wait is cancelled
        crocus::event_loop& of;
        ~remove_at_the_end() { of.remove_reader(STDIN_FILENO); }
    } const guard{loop};
    complete.get();
    return text;
}

/// The same, as one would write it without a loop: it waits where it stands.
std::string line_by_waiting(const crocus::fd& keyboard) {
    std::string text;
    for (char c = 0;; text += c) {
        keyboard.wait_readable();
        if (::read(keyboard.native(), &c, 1) != 1 || c == '\n') return text;
    }
}

}  // namespace

int main() {
    crocus::run([] {
        auto dots = crocus::create_task([] {
            for (;;) {
                std::cout << '.' << std::flush;
                crocus::sleep(200ms);
            }
        });
        auto me = crocus::current_task();
        crocus::event_loop::current().add_signal_handler(SIGINT, [&] { me.cancel("Ctrl-C"); });
        try {
            std::cout << "Your name, please? " << std::flush;
            std::cout << "Hello, " << line_by_callback() << "!\n";

            // Opened anew: an fd makes non-blocking what it owns, and the one that was inherited is shared with the
            // shell.
            const crocus::fd keyboard(::open("/dev/stdin", O_RDONLY | O_CLOEXEC));
            std::cout << "And your friend's? " << std::flush;
            std::cout << "Hello, " << line_by_waiting(keyboard) << "!\n";
        } catch (const crocus::cancelled_error& e) {
            std::cout << "\nGoodbye (" << e.message() << ")\n";
            crocus::current_task().uncancel();
        }
        dots.cancel();
    });
}
