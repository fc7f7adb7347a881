// Tasks that do at random, from a seed, what can be done with queues, in random time limits, and are cancelled at
// random: what must hold whatever happens.
#define BOOST_TEST_MODULE queue_interleavings
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>

#include "support/actors.hpp"
#include "support/audited_queue.hpp"
#include "support/seeds.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using namespace std::chrono_literals;

namespace {

template <class Queue>
class world {
public:
    world(unsigned seed, bool in_order) : random_(seed), in_order_(in_order) {}

    void run() {
        for (int i = 0; i != 2; ++i) queues_.push_back(fresh());
        for (int i = 0; i != 6; ++i) actors_.push_back(create_task([this] { act(); }));
        for (int i = 0; i != 10; ++i) {
            disturb();
            rest((1 + below(3)) * 1ms);
        }
        for (auto& q : queues_) q->shutdown(below(2) == 0);
        for (auto& actor : actors_) end(actor);
        for (auto& q : queues_) q->settle();
        for (auto& q : old_) q->settle();
    }

private:
    using audited = crocus::test::audited_queue<Queue>;

    unsigned below(unsigned n) { return static_cast<unsigned>(random_()) % n; }

    std::unique_ptr<audited> fresh() { return std::make_unique<audited>(below(4), in_order_); }

    /// Lets time pass. Actors sleep whole milliseconds: whoever could run now has run.
    void rest(crocus::duration d) {
        crocus::sleep(d + 1us);
        for (auto& q : queues_) q->examine();
        for (auto& q : old_) q->examine();
    }

    void disturb() {
        if (below(2) == 0) cancel_one();
        if (below(4) == 0) shut_one_down();
        for (auto& actor : actors_) {
            if (!actor.done()) continue;
            end(actor);
            actor = create_task([this] { act(); });
        }
    }

    void cancel_one() { actors_[below(6)].cancel(); }

    void shut_one_down() {
        auto& q = queues_[below(2)];
        q->shutdown(below(2) == 0);
        if (below(4) == 0) q->shutdown(true);
        old_.push_back(std::exchange(q, fresh()));
    }

    /// Who waits for a queue that is unfinished for ever is cancelled.
    void end(crocus::task<void>& actor) {
        crocus::test::end_actor(actor, [this](crocus::duration d) { rest(d); });
    }

    void act() {
        for (unsigned left = 1 + below(8); left != 0; --left) {
            const auto once = [this] { do_something(*queues_[below(2)]); };
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

    void do_something(audited& q) {
        const int item = static_cast<int>(below(100)) * 1000 + ++last_item_;
        switch (below(16)) {
            case 0:
            case 1:
            case 2:
                return q.put(item);
            case 3:
                return q.put_for(below(3) * 1ms, item);
            case 4:
                return q.try_put(item);
            case 5:
            case 6:
                return q.get();
            case 7:
                return q.get_for(below(3) * 1ms);
            case 8:
                return q.try_get();
            case 9:
                return q.get_some(below(4));
            case 10:
                return q.task_done();
            case 11:
                return below(2) == 0 ? q.join() : q.join_for(below(3) * 1ms);
            case 12:
                return below(2) == 0 ? cancel_one() : crocus::yield_now();
            case 13:
                return below(8) == 0 ? shut_one_down() : crocus::yield_now();
            case 14:
                return crocus::yield_now();
            default:
                return crocus::sleep(below(3) * 1ms);
        }
    }

    std::minstd_rand random_;
    const bool in_order_;
    std::vector<std::unique_ptr<audited>> queues_;
    std::vector<std::unique_ptr<audited>> old_;  // shut down; somebody may still be at them
    std::vector<crocus::task<void>> actors_;
    int last_item_ = 0;
};

using kinds = boost::mpl::list<crocus::queue<int>, crocus::lifo_queue<int>, crocus::priority_queue<int>>;

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(whatever_happens_no_item_slot_or_waiter_is_lost, Queue, kinds) {  // Q10 to Q13; users T11
    const crocus::test::seed_range seeds(1000);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) BOOST_TEST_CONTEXT("seed " << seed) {
            crocus::test::run_in_some_order(seed, [seed](bool in_order) { world<Queue>(seed, in_order).run(); });
        }
}
