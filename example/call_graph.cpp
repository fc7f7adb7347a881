// Who waits for whom, and where: the tasks of a program that seems to hang, as text.
#include <iostream>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

void query_database() { crocus::sleep(1h); }

std::string fetch(const std::string& what) {
    query_database();
    return what;
}

}  // namespace

int main() {
    crocus::run([] {
        auto fetching = crocus::create_task([] { return fetch("the page"); }, {.name = "fetch"});
        auto showing = crocus::create_task([&] { std::cout << fetching.get(); }, {.name = "show"});
        crocus::yield_now();
        crocus::yield_now();

        // Link the program with -rdynamic to see the names of its own functions.
        std::cout << "Who waits for the page, and what is it doing?\n" << crocus::format_call_graph(fetching);
        std::cout << "\nAll tasks:\n" << crocus::format_all_tasks({.limit = 3});
        fetching.cancel();
        crocus::yield_now();
    });
}
