// A spinner that turns while something slow is computed: by a thread, which must be told to stop by a shared flag, and
// by a green thread, which is cancelled where it waits. The spinner itself is on stderr.
#include <atomic>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

constexpr std::string_view frames = "|/-\\";

void show(std::size_t turn, const std::string& message) {
    std::cerr << '\r' << frames[turn % frames.size()] << ' ' << message << std::flush;
}

void wipe(const std::string& message) { std::cerr << '\r' << std::string(message.size() + 2, ' ') << '\r'; }

namespace threads {

void spin(const std::string& message, const std::atomic<bool>& done) {
    for (std::size_t turn = 0; !done; ++turn) {
        show(turn, message);
        std::this_thread::sleep_for(20ms);
    }
    wipe(message);
}

int slow() {
    std::this_thread::sleep_for(200ms);
    return 42;
}

int supervisor() {
    std::atomic<bool> done{false};
    std::thread spinner(spin, "thinking", std::cref(done));
    const int result = slow();
    done = true;
    spinner.join();
    return result;
}

}  // namespace threads

namespace green {

void spin(const std::string& message) {
    try {
        for (std::size_t turn = 0;; ++turn) {
            show(turn, message);
            crocus::sleep(20ms);
        }
    } catch (const crocus::cancelled_error&) {
        wipe(message);
        throw;
    }
}

int slow() {
    crocus::sleep(200ms);
    return 42;
}

int supervisor() {
    auto spinner = crocus::create_task([] { spin("thinking"); });
    const int result = slow();
    spinner.cancel();
    return result;
}

}  // namespace green

}  // namespace

int main() {
    std::cout << "threads: " << threads::supervisor() << std::endl;
    std::cout << "green threads: " << crocus::run(green::supervisor) << std::endl;
}
