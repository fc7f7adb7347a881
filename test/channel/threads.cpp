// Two loops and two threads without one, on one channel, with everything that can come between: cancellations, time
// limits, a shutdown. Every item is accounted for. Built with ThreadSanitizer too.
//
//   CROCUS_SEEDS=100000 CROCUS_TEST_TIMEOUT=600 channel_threads      more rounds
#define BOOST_TEST_MODULE channel_threads
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/channel.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>

#include "../support/seeds.hpp"

using crocus::channel;
using crocus::create_task;
using namespace std::chrono_literals;

namespace {

/// An item knows who put it, and its place among those that it put.
struct item {
    int from;
    int number;
};
using item_channel = channel<std::unique_ptr<item>>;

/// What one flow did.
struct account {
    std::vector<int> put;
    std::vector<item> got;
};

/// Puts and gets as its seed says, until the channel is shut down, or it is cancelled.
class actor {
public:
    actor(item_channel& on, int id, unsigned seed) : channel_(on), id_(id), random_(seed) {}

    void act() {
        try {
            for (int step = 0; step != 60; ++step) one_in(2) ? put(step, 3) : get(3);
        } catch (const crocus::queue_shut_down&) {
        }
    }
    /// One of the two, without waiting for long: so that nobody else waits for ever.
    void help(int step) { step % 2 == 0 ? put(step, 2) : get(2); }

    account done;

private:
    bool one_in(unsigned n) { return random_() % n == 0; }

    /// In one of so many ways, of which the third waits.
    void put(int number, unsigned ways) {
        auto i = std::make_unique<item>(item{id_, number});
        bool put = true;
        switch (random_() % ways) {
            case 0:
                put = channel_.try_put(std::move(i));
                break;
            case 1:
                put = channel_.put_for(std::chrono::microseconds(random_() % 50), std::move(i));
                break;
            default:
                channel_.put(std::move(i));
        }
        if (put != (i == nullptr)) std::abort();  // Boost.Test's macros are not for several threads
        if (put) done.put.push_back(number);
    }
    void get(unsigned ways) {
        std::optional<std::unique_ptr<item>> i;
        switch (random_() % ways) {
            case 0:
                i = channel_.try_get();
                break;
            case 1:
                i = channel_.get_for(std::chrono::microseconds(random_() % 50));
                break;
            default:
                i = channel_.get();
        }
        if (i) done.got.push_back(**i);
    }

    item_channel& channel_;
    const int id_;
    std::minstd_rand random_;
};

/// Several actors in one loop, some of which are cancelled on the way.
void act_in_loop(const std::vector<actor*>& actors, unsigned seed) {
    crocus::run(
        [&] {
            std::minstd_rand random(seed);
            std::vector<crocus::task<void>> tasks;
            for (actor* const a : actors) tasks.push_back(create_task([a] { a->act(); }));
            for (int i = 0; i != 20; ++i) {
                crocus::sleep(std::chrono::microseconds(random() % 40));
                if (random() % 4 == 0) tasks[random() % tasks.size()].cancel();
            }
            for (auto& t : tasks) {
                try {
                    t.get();
                } catch (const crocus::cancelled_error&) {
                }
            }
        },
        {.handle_interrupt = false});
}

/// Nothing is lost, nothing is made up, and what one flow put another got in that order.
void settle(const std::vector<std::unique_ptr<actor>>& actors, const std::vector<item>& left, bool drained,
            const std::string& round) {
    std::map<std::pair<int, int>, int> balance;
    for (std::size_t id = 0; id != actors.size(); ++id)
        for (const int number : actors[id]->done.put) ++balance[{static_cast<int>(id), number}];
    const auto take = [&](const std::vector<item>& got) {
        std::map<int, int> last;
        for (const item& i : got) {
            --balance[{i.from, i.number}];
            const auto [before, first] = last.try_emplace(i.from, i.number);
            if (!first && std::exchange(before->second, i.number) >= i.number) BOOST_ERROR(round + ": out of order");
        }
    };
    for (const auto& a : actors) take(a->done.got);
    take(left);
    for (const auto& [which, count] : balance)
        if (count < 0 || (count > 0 && !drained)) BOOST_ERROR(round + (count < 0 ? ": made up" : ": lost"));
}

void round(unsigned seed) {
    std::minstd_rand random(seed + 1);
    item_channel c(1 + random() % 3);
    std::vector<std::unique_ptr<actor>> actors;
    const auto add = [&]() -> actor& {
        const int id = static_cast<int>(actors.size());
        return *actors.emplace_back(std::make_unique<actor>(c, id, static_cast<unsigned>(random())));
    };
    std::atomic<int> running{4};
    std::vector<std::thread> threads;
    for (int loops = 0; loops != 2; ++loops) {
        std::vector<actor*> group;
        for (int i = 0; i != 4; ++i) group.push_back(&add());
        threads.emplace_back([group, &running, s = static_cast<unsigned>(random())] {
            act_in_loop(group, s);
            --running;
        });
    }
    for (int plain = 0; plain != 2; ++plain)
        threads.emplace_back([&a = add(), &running] {
            a.act();
            --running;
        });
    actor& helper = add();
    const auto shutdown_at = static_cast<int>(random() % 400);
    const bool immediately = random() % 4 == 0;
    for (int step = 0; running != 0; ++step) {
        if (step == shutdown_at) c.shutdown(immediately);
        try {
            helper.help(step);
        } catch (const crocus::queue_shut_down&) {
            break;
        }
    }
    for (auto& t : threads) t.join();
    std::vector<item> left;
    while (!c.empty()) left.push_back(*c.get());
    settle(actors, left, immediately && c.is_shut_down(), "seed " + std::to_string(seed));
}

}  // namespace

BOOST_AUTO_TEST_CASE(items_between_loops_and_threads_are_neither_lost_nor_made_up) {  // Q11, T11
    const char* const asked = std::getenv("CROCUS_SEEDS");
    const unsigned seeds = asked != nullptr ? static_cast<unsigned>(std::atoi(asked)) : crocus::test::usual_seeds(600);
    for (unsigned seed = 0; seed != seeds; ++seed) round(seed);
}
