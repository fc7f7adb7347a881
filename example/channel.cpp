// Work that goes from a loop to threads and back: the tasks wait alone, the threads block, and nobody is told who is
// which.
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

struct page {
    std::string name;
    std::string text;
};

/// An old function that blocks its thread, and knows nothing of crocus.
std::string render(const std::string& name) {
    std::this_thread::sleep_for(5ms);
    return "<h1>" + name + "</h1>";
}

void render_all(crocus::channel<std::string>& names, crocus::channel<page>& pages) {
    for (const std::string& name : names) pages.put({name, render(name)});  // until names is shut down
}

}  // namespace

int main() {
    crocus::channel<std::string> names(4);  // who puts waits while so many are there: no work piles up
    crocus::channel<page> pages(4);
    std::vector<std::jthread> threads;
    for (int i = 0; i != 3; ++i) threads.emplace_back([&] { render_all(names, pages); });

    crocus::run([&] {
        constexpr int count = 12;
        auto asking = crocus::create_task([&] {
            for (int i = 0; i != count; ++i) names.put("page " + std::to_string(i));
            names.shutdown();  // the threads take what is left, and end
        });
        auto ticking = crocus::create_task([] {
            for (;;) crocus::sleep(1ms);  // the loop goes on meanwhile
        });
        std::size_t bytes = 0;
        for (int i = 0; i != count; ++i) bytes += pages.get().text.size();
        asking.get();
        ticking.cancel();
        std::cout << count << " pages were rendered, of " << bytes << " bytes\n";
    });
}
