// What tasks coordinate with: a limit on connections, a resource that is made once, a gate, a bounded buffer, rounds, and
// two accounts that must change together. Where nothing waits between the look and the change, none of it is needed.
#include <chrono>
#include <deque>
#include <iostream>
#include <mutex>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

/// At most two are downloaded at the same time; who comes first is served first.
void download_pages() {
    crocus::semaphore connections(2);
    const auto start = crocus::event_loop::current().now();
    crocus::gather(std::vector(6, [&] {
        const crocus::semaphore::permit held(connections);
        crocus::sleep(10ms);
    }));
    const auto took = crocus::event_loop::current().now() - start;
    std::cout << "six pages over two connections took " << took / 10ms << " times as long as one\n";
}

/// The first one who asks connects, and the others wait for it.
const std::string& database() {
    static crocus::once_flag connected;
    static std::string name;
    crocus::call_once(connected, [] {
        crocus::sleep(10ms);
        name = "connected";
        std::cout << "connecting\n";
    });
    return name;
}

/// A buffer of three, with a mutex and a condition, as it is done with threads. crocus::queue is that, and more.
class buffer {
public:
    void put(int item) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return items_.size() < 3; });
        items_.push_back(item);
        changed_.notify_all();
    }
    int get() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !items_.empty(); });
        const int item = items_.front();
        items_.pop_front();
        changed_.notify_all();
        return item;
    }

private:
    crocus::mutex mutex_;
    crocus::condition_variable changed_;
    std::deque<int> items_;
};

void pass_items() {
    buffer items;
    auto producer = crocus::create_task([&] {
        for (int i = 1; i <= 10; ++i) items.put(i);
    });
    int sum = 0;
    for (int i = 1; i <= 10; ++i) sum += items.get();
    producer.get();
    std::cout << "ten items, sum " << sum << '\n';
}

struct account {
    crocus::mutex mutex;
    int balance = 100;
};

/// Both are held across a wait, in whatever order they are named: std::scoped_lock sees to it that nobody deadlocks.
void transfer(account& from, account& to, int amount) {
    const std::scoped_lock lock(from.mutex, to.mutex);
    const int balance = from.balance;
    crocus::sleep(1ms);  // a bank, say
    from.balance = balance - amount;
    to.balance += amount;
}

void play_rounds() {
    crocus::barrier round(3);
    const auto player = [&] {
        for (int i = 0; i != 2; ++i)
            if (round.arrive_and_wait() == 2) std::cout << "round " << i + 1 << " is over\n";
    };
    crocus::gather(player, player, player);
}

}  // namespace

int main() {
    crocus::run([] {
        download_pages();
        crocus::gather([] { database(); }, [] { database(); });
        std::cout << "the database is " << database() << '\n';

        crocus::event open;
        auto visitor = crocus::create_task([&] {
            std::cout << (open.wait_for(1ms) ? "went in\n" : "still closed\n");
            open.wait();
            std::cout << "went in\n";
        });
        crocus::sleep(5ms);
        open.set();
        visitor.get();

        pass_items();

        account alice;
        account bob;
        crocus::gather([&] { transfer(alice, bob, 30); }, [&] { transfer(bob, alice, 50); });
        std::cout << "alice has " << alice.balance << ", bob " << bob.balance << '\n';

        play_rounds();
    });
}
