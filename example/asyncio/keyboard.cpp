// Input from the keyboard as I/O-bound work: numbers are read, a line each, and added up; meanwhile the program is
// free, and a spinner turns on stderr.
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

/// Waits for a line; nothing at the end of the input.
std::optional<std::string> read_line(const crocus::fd& from) {
    std::string line;
    for (;;) {
        char c = 0;
        const ssize_t n = ::read(from.native(), &c, 1);
        if (n < 0) {
            from.wait_readable();  // this green thread alone
            continue;
        }
        if (n == 0) return line.empty() ? std::nullopt : std::optional(line);
        if (c == '\n') return line;
        line += c;
    }
}

void spin() {
    constexpr std::string_view frames = "|/-\\";
    for (std::size_t turn = 0;; ++turn) {
        std::cerr << '\r' << frames[turn % frames.size()] << std::flush;
        crocus::sleep(100ms);
    }
}

}  // namespace

int main() {
    crocus::run([] {
        auto spinner = crocus::create_task(spin);
        const crocus::fd keyboard(::open("/dev/stdin", O_RDONLY | O_CLOEXEC));  // of one's own: it becomes non-blocking
        long sum = 0;
        while (const auto line = read_line(keyboard)) {
            sum += std::stol(*line);
            std::cout << "so far " << sum << '\n';
        }
        std::cout << "together " << sum << '\n';
        spinner.cancel();
    });
}
