// Trees of tasks that gather, wait, shield and iterate over what completes, while some fail and some are cancelled, at
// random, from a seed: what must hold whatever happens. Each second seed also draws who runs next. support/seeds.hpp
// says how to have other seeds.
#define BOOST_TEST_MODULE wait_interleavings
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/seeds.hpp"
#include "support/virtual_time.hpp"

using crocus::any_task;
using crocus::create_task;
using crocus::task;
using namespace std::chrono_literals;

namespace {

struct seeded_failure : std::runtime_error {
    seeded_failure() : std::runtime_error("from the seed") {}
};

/// What the tasks of one seed share.
class forest {
public:
    explicit forest(std::uint64_t seed) : random_(seed) {}

    /// Grows trees, disturbs them until all have ended, and says what did not hold; nothing if all did.
    std::string grow() {
        std::vector<task<int>> roots;
        for (int i = 2 + pick(2); i > 0; --i) roots.push_back(plant(0));
        for (int i = pick(6); i > 0; --i) {
            pause();
            cancel_one();
        }
        crocus::wait(roots);
        for (int rounds = 0; !crocus::all_tasks().empty(); ++rounds) {
            if (rounds == 1000) return "tasks are left for ever";
            crocus::sleep(1ms);
        }
        crocus::sleep(1ms);  // callbacks that are ready
        if (began_ != ended_) return "a function began and did not end";
        for (const record& r : records_) check(r);
        return wrong_;
    }

private:
    /// A task that was made with create_task, and how often it was asked to go.
    struct record {
        task<int> handle;
        int value;
        int requests = 0;
        int ends = 0;
    };

    int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }
    bool chance(int in) { return pick(in) == 0; }

    void pause() {
        if (chance(2))
            crocus::yield_now();
        else
            crocus::sleep(pick(4) * 1ms);
    }

    void expect(bool holds, const char* what) {
        if (!holds && wrong_.empty()) wrong_ = what;
    }

    // ------------------------------------------------------------------------------------------------------ the tasks

    /// A task whose function is a node. The forest keeps a handle, and watches it.
    task<int> plant(int depth) {
        const int value = ++last_value_;
        auto t = create_task([this, depth, value] { return node(depth, value); });
        const std::size_t number = records_.size();
        records_.push_back({t, value});
        t.add_done_callback([this, number](const auto&) { ++records_[number].ends; });
        return t;
    }

    /// What every function of the forest does. Cancellations go through it.
    int node(int depth, int value) {
        struct life {
            forest& of;
            explicit life(forest& f) : of(f) { ++of.began_; }
            ~life() { ++of.ended_; }
        } const here(*this);
        try {
            for (int i = 1 + pick(3); i > 0; --i) {
                pause();
                if (depth < 3) branch(depth + 1);
                if (chance(12)) throw seeded_failure();
                if (chance(12)) cancel_one();
            }
        } catch (const crocus::cancelled_error&) {
            if (chance(2)) clean_up();
            throw;
        } catch (const seeded_failure&) {
            if (chance(2)) throw;
        }
        return value;
    }

    /// A second cancellation may end it.
    void clean_up() { pause(); }

    void branch(int depth) {
        if (records_.size() > 60) return;
        switch (pick(8)) {
            case 0:
                return gather_two(depth);
            case 1:
                return gather_range(depth);
            case 2:
                return gather_outcomes(depth);
            case 3:
                return gather_handles(depth);
            case 4:
                return wait_some(depth);
            case 5:
                return completed_functions(depth);
            case 6:
                return completed_handles(depth);
            default:
                return shield_one(depth);
        }
    }

    /// Functions that refer to a variable of their caller: it must be there as long as they run.
    struct callers {
        explicit callers(forest& f) : of(f) {}
        ~callers() { of.expect(running == 0, "a function runs after its caller has left"); }
        callers(const callers&) = delete;
        callers& operator=(const callers&) = delete;

        auto function(int depth, int value) {
            return [this, depth, value] {
                ++running;
                struct leaving {
                    int& count;
                    ~leaving() { --count; }
                } const at_the_end{running};
                return of.node(depth, value);
            };
        }

        forest& of;
        int running = 0;
    };

    void gather_two(int depth) {
        callers c(*this);
        auto f = c.function(depth, 1), g = c.function(depth, 2);
        const auto [a, b] = crocus::gather(f, g);
        expect(a == 1 && b == 2, "gather: wrong results");
    }

    void gather_range(int depth) {
        callers c(*this);
        std::vector<std::function<int()>> functions;
        const int count = pick(4);
        for (int i = 0; i != count; ++i) functions.push_back(c.function(depth, i));
        const auto results = crocus::gather(functions);
        for (int i = 0; i != count; ++i) expect(results[static_cast<std::size_t>(i)] == i, "gather: wrong results");
    }

    void gather_outcomes(int depth) {
        callers c(*this);
        const auto [a, b, handle] =
            crocus::gather(crocus::return_exceptions, c.function(depth, 1), c.function(depth, 2), plant(depth));
        expect(!a || *a == 1, "gather: wrong outcome");
        expect(!b || *b == 2, "gather: wrong outcome");
    }

    void gather_handles(int depth) {
        callers c(*this);
        auto t = plant(depth), u = plant(depth);
        try {
            crocus::gather(t, c.function(depth, 1), u, t);
        } catch (const seeded_failure&) {
            crocus::gather(crocus::return_exceptions, t, u);
            throw;
        }
        expect(t.done() && u.done(), "gather: a handle that is not done");
    }

    void wait_some(int depth) {
        std::vector tasks{plant(depth), plant(depth), plant(depth)};
        const auto condition = static_cast<crocus::wait_condition>(pick(3));
        auto [done, pending] = chance(2) ? crocus::wait(tasks, {.timeout = pick(5) * 1ms, .return_when = condition})
                                         : crocus::wait(tasks, {.return_when = condition});
        expect(done.size() + pending.size() == tasks.size(), "wait: a handle is lost");
        for (auto& t : done) expect(t.done(), "wait: a handle is not done");
        if (pending.empty()) return;
        if (chance(2)) request(pending.front());
        crocus::wait(pending);
    }

    void completed_functions(int depth) {
        callers c(*this);
        const std::vector functions{c.function(depth, 1), c.function(depth, 2), c.function(depth, 3)};
        int seen = 0;
        for (auto& done : crocus::as_completed(functions)) {
            expect(done.done(), "as_completed: a handle is not done");
            ++seen;
            if (chance(3)) pause();
            if (chance(4)) return;
            try {
                done.get();
            } catch (const seeded_failure&) {
            } catch (const crocus::cancelled_error&) {
                crocus::yield_now();  // if the request was for this task, it comes here
            }
        }
        expect(seen == 3, "as_completed: a function is lost");
    }

    void completed_handles(int depth) {
        const std::vector tasks{plant(depth), plant(depth)};
        auto completions = crocus::as_completed(tasks, pick(5) * 1ms);
        int seen = 0;
        try {
            for (auto& done : completions) seen += done.done();
        } catch (const crocus::timeout_error&) {
            for (auto& done : completions) seen += done.done();
        }
        expect(seen == 2, "as_completed: a handle is lost");
    }

    void shield_one(int depth) {
        auto t = plant(depth);
        try {
            crocus::shield(t);
        } catch (const crocus::cancelled_error&) {
            // Who is cancelled leaves it running, unless it was cancelled itself.
            if (!t.cancelled()) expect(!t.done() || t.cancelling() == 0 || requests_of(t) > 0, "shield: passed it on");
            throw;
        }
        expect(t.done(), "shield: it is not done");
    }

    // ------------------------------------------------------------------------------------------------ the disturbances

    void cancel_one() {
        if (!records_.empty())
            request(records_[static_cast<std::size_t>(pick(static_cast<int>(records_.size())))].handle);
    }

    void request(task<int> t) {
        record& r = record_of(t);
        const int before = t.cancelling();
        if (!t.cancel("from the seed")) return;
        ++r.requests;
        expect(t.cancelling() == before + 1, "cancelling() does not count");
    }

    record& record_of(const task<int>& t) {
        return *std::ranges::find_if(records_,
                                     [&](const record& r) { return r.handle.state().get() == t.state().get(); });
    }
    int requests_of(const task<int>& t) { return record_of(t).requests; }

    void check(const record& r) {
        expect(r.handle.done(), "a task has not ended");
        expect(r.ends == 1, "a task did not end once");
        expect(r.handle.cancelling() >= r.requests, "a request was not counted");
        if (r.handle.cancelled()) return;
        const bool failed = r.handle.state()->error() != nullptr;
        if (!failed) expect(r.handle.state()->value.get() == r.value, "a result is wrong");
        if (r.requests > 0) expect(failed, "a cancellation is lost: the task returned");
    }

    std::mt19937_64 random_;
    std::vector<record> records_;
    std::string wrong_;
    int last_value_ = 0;
    int began_ = 0;
    int ended_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_happens_no_result_task_or_cancellation_is_lost) {  // T24 to T26, T29, T30
    const crocus::test::seed_range seeds(1'000);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) {
        const auto whole = [seed] {
            crocus::event_loop::current().set_exception_handler([](auto&, const auto&) {});
            const std::string wrong = forest(seed).grow();
            BOOST_REQUIRE_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);
        };
        crocus::test::run_virtual(whole, crocus::test::drawn_if_odd(seed));
    }
}
