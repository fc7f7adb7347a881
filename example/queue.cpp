// Queues: workers that share what is to be done, a producer that is held up while they do not keep up, the urgent
// before the old, and an end that everybody meets.
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

/// asyncio's example: three workers, and a queue that is joined when all is done.
void workers() {
    crocus::queue<std::chrono::milliseconds> naps;
    for (int i = 1; i <= 20; ++i) naps.put(i * 1ms);

    std::vector<crocus::task<void>> tasks;
    for (int i = 0; i != 3; ++i)
        tasks.push_back(crocus::create_task([&] {
            for (const auto nap : naps) {
                crocus::sleep(nap);
                naps.task_done();
            }
        }));
    const auto start = crocus::event_loop::current().now();
    naps.join();
    const auto slept = crocus::event_loop::current().now() - start;
    naps.shutdown();  // ends the workers' loops
    for (auto& t : tasks) t.get();
    std::cout << "three workers slept 210 ms in " << (slept < 210ms ? "less" : "more") << " than 210 ms\n";
}

/// A queue that is full holds its producer up: memory is bounded.
void a_fast_producer() {
    crocus::queue<int> lines(2);
    auto producer = crocus::create_task([&] {
        for (int i = 1; i <= 5; ++i) {
            lines.put(i);
            std::cout << "put " << i << ", " << lines.to_string() << '\n';
        }
        lines.shutdown();
    });
    for (const int line : lines) {
        std::cout << "got " << line << '\n';
        crocus::sleep(1ms);
    }
    producer.get();
}

void the_urgent_first() {
    struct job {
        int priority;
        std::string what;
        bool operator<(const job& other) const { return priority < other.priority; }
    };
    crocus::priority_queue<job> jobs;
    jobs.put({3, "tidy up"});
    jobs.put({1, "put out the fire"});
    jobs.put({2, "answer the door"});
    while (const auto next = jobs.try_get()) std::cout << next->what << '\n';
}

void in_time() {
    crocus::queue<int> nothing_comes;
    std::cout << "get_for: " << (nothing_comes.get_for(1ms) ? "an item" : "no item") << '\n';
    nothing_comes.shutdown();
    try {
        nothing_comes.get();
    } catch (const crocus::queue_shut_down& e) {
        std::cout << e.what() << '\n';
    }
}

}  // namespace

int main() {
    crocus::run([] {
        workers();
        a_fast_producer();
        the_urgent_first();
        in_time();
    });
}
