// Trees of groups, time limits, holds and clean-ups, with failures and cancellations, each by the numbers that a seed
// gives: whatever meets whatever, nothing is lost, made up or left running. Each second seed also draws who runs next.
// support/seeds.hpp says how to have other seeds.
#define BOOST_TEST_MODULE task_group_forest
#include <boost/test/unit_test.hpp>
#include <exception>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/task_group.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/seeds.hpp"
#include "support/virtual_time.hpp"

using crocus::task_group;
using namespace std::chrono_literals;

namespace {

struct failure {};  // what a node throws

/// One tree. Whatever a node does is decided by the generator of random numbers, and virtual time: a seed repeats.
class forest {
public:
    explicit forest(unsigned seed) : seed_(seed), random_(seed) {}

    void grow() {
        const auto whole = [this] {
            const auto reports = crocus::test::collect_reports();
            auto disturber = crocus::create_task([this] { disturb(); });
            auto root = crocus::create_task([this] { in_task([this] { node(4); }); });
            try {
                root.get();
                hold(!root.cancelled(), "a cancelled task has no result");
            } catch (const crocus::cancelled_error&) {
                hold(root.cancelling() > 0, "a cancellation was made up");
            } catch (const failure&) {
            } catch (const crocus::timeout_error&) {
            } catch (const crocus::exception_group&) {
            }
            over_ = true;
            disturber.get();
            hold(running_ == 0, "a node is left running");
            hold(crocus::all_tasks().empty(), "a task is left");
            hold(reports->empty(), "an exception was not retrieved");
            hold(crocus::current_task().cancelling() == 0, "the main flow was cancelled");
            crocus::sleep(1h);  // no timer is left that does anything
        };
        crocus::test::run_virtual(whole, crocus::test::drawn_if_odd(seed_));
    }

private:
    void hold(bool true_, const char* otherwise) const {
        if (!true_) BOOST_ERROR("seed " + std::to_string(seed_) + ": " + otherwise);
    }
    int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
    void pause() { below(4) == 0 ? crocus::yield_now() : crocus::sleep(below(6) * 1ms); }

    /// Cancels tasks now and then, whichever there are.
    void disturb() {
        for (int i = below(6); i != 0 && !over_; --i) {
            crocus::sleep(below(10) * 1ms);
            auto tasks = crocus::all_tasks();
            auto& victim = tasks[static_cast<std::size_t>(below(static_cast<int>(tasks.size())))];
            if (!(victim == crocus::current_task())) victim.cancel("disturbed");
        }
    }

    struct counted {
        int& count;
        explicit counted(int& c) : count(c) { ++count; }
        ~counted() { --count; }
    };

    /// The body of a task: looks at what has become of its requests at its end.
    template <class F>
    void in_task(F f) {
        auto me = crocus::current_task();
        try {
            f();
        } catch (const crocus::cancelled_error&) {
            hold(me.cancelling() > 0, "a cancellation was made up");
            throw;
        }
        // One that came and was not swallowed must be pending: then the task ends cancelled.
        if (me.cancelling() == 0 || swallowed_[me.name()]) return;
        try {
            crocus::yield_now();
            hold(false, "a cancellation was lost");
        } catch (const crocus::cancelled_error&) {
            throw;
        }
    }

    void node(int depth) {
        const counted alive(running_);
        for (int steps = 1 + below(3); steps != 0; --steps) step(depth);
    }

    void step(int depth) {
        const int before = crocus::current_task().cancelling();
        struct look {
            forest& self;
            int before;
            ~look() { self.hold(crocus::current_task().cancelling() >= before, "a request was taken back twice"); }
        } const at_end{*this, before};
        if (depth == 0) return leaf();
        switch (below(9)) {
            case 0:
                return leaf();
            case 1:
                return limited(depth);
            case 2:
                return moved_on(depth);
            case 3:
                return crocus::defer_cancellation([&] { node(depth - 1); });
            case 4:
                return cleaned_up(depth);
            case 5:
                return swallowing(depth);
            case 6:
                return generated(depth);
            default:
                return grouped(depth);
        }
    }

    void leaf() {
        switch (below(10)) {
            case 0:
                throw failure();
            case 1:
                return waited_for();
            case 2:
                return;
            default:
                return pause();
        }
    }

    void limited(int depth) {
        try {
            crocus::with_timeout(below(12) * 1ms, [&] { node(depth - 1); });
        } catch (const crocus::timeout_error&) {
            if (below(2) == 0) throw;
        }
    }

    void moved_on(int depth) {
        crocus::move_on_after(below(12) * 1ms, [&](crocus::timeout_scope& limit) {
            if (below(3) == 0 && !limit.expired())
                limit.reschedule(crocus::event_loop::current().now() + (below(12) - 2) * 1ms);
            node(depth - 1);
        });
    }

    /// A destructor that waits, with a limit of its own perhaps, while an exception unwinds it or holding requests.
    void cleaned_up(int depth) {
        struct goodbye {
            forest& self;
            void say() const {
                if (self.below(2) == 0) return self.pause();
                crocus::move_on_after(self.below(4) * 1ms, [&] { crocus::sleep(self.below(8) * 1ms); });
            }
            ~goodbye() {
                std::uncaught_exceptions() > 0 ? say() : crocus::defer_cancellation([&] { say(); });
            }
        } const at_end{*this};
        node(depth - 1);
    }

    void swallowing(int depth) {
        try {
            node(depth - 1);
        } catch (const crocus::cancelled_error&) {
            if (below(2) == 0) throw;
            swallowed_[crocus::current_task().name()] = true;
        } catch (const failure&) {
        } catch (const crocus::exception_group&) {
        }
    }

    void generated(int depth) {
        crocus::generator<int> g([&](auto& yield) {
            node(depth - 1);
            yield(1);
            node(depth - 1);
        });
        for (int i : g) hold(i == 1, "another value was yielded");
    }

    void waited_for() {
        auto t = crocus::create_task([this, ms = below(8)] {
            const counted alive(running_);
            crocus::sleep(ms * 1ms);
            return ms;
        });
        try {
            const int got = crocus::wait_for(t, below(8) * 1ms);
            hold(t.done() && got >= 0, "a result was lost");
        } catch (const crocus::timeout_error&) {
            hold(t.done(), "wait_for left a task running");
        } catch (const crocus::cancelled_error&) {
            if (t.done() && crocus::current_task().cancelling() > 0) throw;
            hold(t.cancelled(), "a cancellation was made up");  // the task's own, by the disturber
        }
    }

    void grouped(int depth) {
        int children = 0, failed = 0;
        bool body_failed = false;
        const auto child = [&] {
            const counted alive(children);
            try {
                in_task([&] { node(depth - 1); });
            } catch (const crocus::cancelled_error&) {
                throw;
            } catch (...) {
                ++failed;
                throw;
            }
        };
        const auto body = [&](task_group& group) {
            try {
                for (int i = below(4); i != 0; --i) group.create_task(child);
                if (below(3) == 0) pause();
                if (below(4) == 0)
                    group.create_task([&] {
                        group.create_task(child);
                        pause();
                        group.create_task(child);
                    });
                if (below(6) == 0) group.cancel("enough");
                if (below(2) == 0) node(depth - 1);
            } catch (const crocus::cancelled_error&) {
                throw;
            } catch (...) {
                body_failed = true;
                throw;
            }
        };
        const crocus::task_group_options options{.limit = below(3) == 0 ? std::size_t{2} : std::size_t{0}};
        try {
            crocus::with_task_group(body, options);
            hold(failed == 0 && !body_failed, "a failure was lost");
        } catch (const crocus::exception_group& e) {
            const auto failures = static_cast<int>(e.exceptions().size());
            const auto refused = static_cast<int>(e.subgroup<crocus::task_group_closed>().exceptions().size());
            hold(failures - refused <= failed + (body_failed ? 1 : 0) && failures >= failed + (body_failed ? 1 : 0),
                 "failures were lost or made up");
            hold(children == 0, "a child is left running");
            throw;
        } catch (const crocus::cancelled_error&) {
            hold(failed == 0 && !body_failed, "a failure was lost");
            hold(children == 0, "a child is left running");
            throw;
        }
        hold(children == 0, "a child is left running");
    }

    const unsigned seed_;
    std::mt19937 random_;
    int running_ = 0;
    bool over_ = false;
    std::map<std::string, bool> swallowed_;
};

}  // namespace

// T12, T33, T36, T37, T42, T44, T47
BOOST_AUTO_TEST_CASE(whatever_meets_whatever_nothing_is_lost_made_up_or_left_running) {
    const crocus::test::seed_range seeds(2'500);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) forest(seed).grow();
}
