// Tasks that wait at random, from a seed, for the first of several queues, events, permits and futures, beside others
// that wait for one of them, in random time limits, and are cancelled at random: what must hold whatever happens.
#define BOOST_TEST_MODULE select_interleavings
#include <boost/test/unit_test.hpp>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/select.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>

#include "support/actors.hpp"
#include "support/audited_queue.hpp"
#include "support/seeds.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::on_acquire;
using crocus::on_done;
using crocus::on_get;
using crocus::on_put;
using crocus::on_set;
using crocus::on_timeout;
using crocus::test::audited_queue;
using crocus::test::require;
using namespace std::chrono_literals;

namespace {

/// What is waited for: a queue of each kind, and more. It is shut down as a whole.
struct things {
    things(std::size_t capacity, bool in_order)
        : fifo(capacity, in_order), lifo(capacity, in_order), smallest(capacity, in_order) {}

    void shutdown(bool immediately) {
        fifo.shutdown(immediately);
        lifo.shutdown(!immediately);
        smallest.shutdown(immediately);
    }

    /// Whenever nobody can run.
    void examine() {
        fifo.examine();
        lifo.examine();
        smallest.examine();
        require(permits.available() + held == 1, "a permit is lost");
        require(permits.locked() || permits.waiters().empty(), "somebody waits for a permit in vain");
        require(!event.is_set() || event.waiters().empty(), "somebody waits for what has happened");
        require(!future.done() || future.state()->awaited_by().empty(), "somebody waits for a future that is done");
    }

    /// When all have ended.
    void settle() {
        examine();
        fifo.settle();
        lifo.settle();
        smallest.settle();
        require(permits.waiters().empty() && event.waiters().empty() && future.state()->awaited_by().empty(),
                "somebody is left");
        require(held == 0, "a permit is held by nobody");
    }

    audited_queue<crocus::queue<int>> fifo;
    audited_queue<crocus::lifo_queue<int>> lifo;
    audited_queue<crocus::priority_queue<int>> smallest;
    crocus::event event;
    crocus::semaphore permits{1};
    crocus::future<int> future;
    std::size_t held = 0;
};

class world {
public:
    world(unsigned seed, bool in_order) : random_(seed), in_order_(in_order) {}

    void run() {
        all_.push_back(std::make_unique<things>(below(4), in_order_));
        for (int i = 0; i != 6; ++i) actors_.push_back(create_task([this] { act(); }));
        for (int i = 0; i != 10; ++i) {
            if (below(2) == 0) cancel_one();
            if (below(4) == 0) begin_anew();
            for (auto& actor : actors_) {
                if (!actor.done()) continue;
                end(actor);
                actor = create_task([this] { act(); });
            }
            rest((1 + below(3)) * 1ms);
        }
        begin_anew();
        for (auto& actor : actors_) end(actor);
        all_.pop_back();  // nobody has seen it
        for (auto& t : all_) t->settle();
    }

private:
    unsigned below(unsigned n) { return static_cast<unsigned>(random_()) % n; }

    /// Lets time pass. Actors sleep whole milliseconds: whoever could run now has run.
    void rest(crocus::duration d) {
        crocus::sleep(d + 1us);
        for (auto& t : all_) t->examine();
    }

    void cancel_one() { actors_[below(6)].cancel(); }

    void begin_anew() {
        all_.back()->shutdown(below(2) == 0);
        all_.push_back(std::make_unique<things>(below(4), in_order_));
    }

    void end(crocus::task<void>& actor) {
        crocus::test::end_actor(actor, [this](crocus::duration d) { rest(d); });
    }

    void act() {
        for (unsigned left = 1 + below(8); left != 0; --left) {
            const auto once = [this, &t = *all_.back()] { below(2) == 0 ? choose(t) : do_something(t); };
            try {
                if (below(3) == 0)
                    crocus::move_on_after(below(3) * 1ms, once);
                else
                    once();
            } catch (const crocus::queue_shut_down&) {
                crocus::yield_now();
            } catch (const crocus::cancelled_error&) {
                if (below(2) == 0) throw;  // others go on
            }
        }
    }

    int new_item() { return static_cast<int>(below(100)) * 1000 + ++last_item_; }

    /// Exactly one handler runs, unless the select throws; each handler makes its entry in the books.
    void choose(things& t) {
        int handled = 0;
        const auto counted = [&handled](auto handler) {
            return [&handled, handler](auto&&... arguments) {
                ++handled;
                handler(std::forward<decltype(arguments)>(arguments)...);
            };
        };
        const auto get = [&](auto& q) { return on_get(q.queue, counted([&q](int item) { q.got(item); })); };
        const int one = new_item(), other = new_item();
        const auto put = [&](auto& q, const int& item) {
            return on_put(q.queue, item, counted([&q, &item] { q.stored(item); }));
        };
        const auto set = [&] { return on_set(t.event, counted([] {})); };
        const auto acquire = [&] { return on_acquire(t.permits, counted([&] { hold(t); })); };
        const auto done = [&] { return on_done(t.future, counted([](auto& f) { require(f.done(), "not done"); })); };
        const auto late = [&] { return on_timeout(below(3) * 1ms, counted([] {})); };
        switch (below(6)) {
            case 0:
                crocus::select(get(t.fifo), get(t.lifo), get(t.smallest));
                break;
            case 1:
                crocus::select(put(t.smallest, one), put(t.lifo, other), late());
                break;
            case 2:
                crocus::select(get(t.lifo), put(t.fifo, one), acquire(), set());
                break;
            case 3:
                crocus::select(acquire(), done(), get(t.smallest), get(t.smallest), late());
                break;
            case 4:
                crocus::select(set(), done(), put(t.lifo, one), get(t.lifo));
                break;
            default:
                handled += crocus::try_select(get(t.fifo), put(t.smallest, one), acquire()) ? 0 : 1;
                break;
        }
        require(handled == 1, "not exactly one handler was called");
    }

    void hold(things& t) {
        struct holding {
            things& of;
            explicit holding(things& x) : of(x) { ++of.held; }
            ~holding() {
                --of.held;
                of.permits.release();
            }
        } const permit(t);
        crocus::sleep(below(2) * 1ms);
    }

    void do_something(things& t) {
        switch (below(14)) {
            case 0:
                return t.fifo.put(new_item());
            case 1:
                return t.lifo.put(new_item());
            case 2:
                return t.smallest.put_for(below(3) * 1ms, new_item());
            case 3:
                return t.fifo.get();
            case 4:
                return t.lifo.get_for(below(3) * 1ms);
            case 5:
                return t.smallest.get();
            case 6:
                return below(2) == 0 ? t.lifo.try_put(new_item()) : t.fifo.try_get();
            case 7:
                t.permits.acquire();
                return hold(t);
            case 8:
                return t.event.set();
            case 9:
                return t.event.clear();
            case 10:
                if (below(4) == 0 && !t.future.done()) t.future.set_result(1);
                return;
            case 11:
                return cancel_one();
            case 12:
                return below(8) == 0 && &t == all_.back().get() ? begin_anew() : crocus::yield_now();
            default:
                return crocus::sleep(below(3) * 1ms);
        }
    }

    std::minstd_rand random_;
    const bool in_order_;
    std::vector<std::unique_ptr<things>> all_;  // those that were shut down, and the newest
    std::vector<crocus::task<void>> actors_;
    int last_item_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(exactly_one_case_has_an_effect_whatever_happens) {  // Q10, Q11; users T11, T22
    const crocus::test::seed_range seeds(3000);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) BOOST_TEST_CONTEXT("seed " << seed) {
            crocus::test::run_in_some_order(seed, [seed](bool in_order) { world(seed, in_order).run(); });
        }
}
