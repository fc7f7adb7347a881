// Everything that tasks wait in, mixed as a seed says: time limits, groups, gather, wait, as_completed, shield,
// threads, generators, coroutines driven by hand, eager tasks, holds and clean-ups, over several runs of one runner or
// in a loop that is closed under them, in debug mode or not, with failures and cancellations at any step. Whatever
// meets whatever, nothing is lost, made up or left running.
// Half of the seeds also draw who runs next. support/seeds.hpp says how to have other seeds.
#define BOOST_TEST_MODULE run_mixture
#include <boost/test/unit_test.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/task_group.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/loop_tests.hpp"
#include "../support/reports.hpp"
#include "../support/seeds.hpp"
#include "../support/virtual_time.hpp"

using crocus::create_task;
using crocus::task;
using namespace std::chrono_literals;

namespace {

struct failure {};  // what a node throws

class mixture {
public:
    explicit mixture(unsigned seed) : seed_(seed), random_(seed), real_(seed % 64 == 0) {}

    void stir() {
        const bool debug = one_in(3);
        if (one_in(3))
            in_own_loop(debug);
        else
            in_runner(debug);
        hold(running_ == 0, "something is left running");
        hold(wrong_reports_ == 0, "something was reported");
    }

private:
    void hold(bool holds, const std::string& otherwise) const {
        if (!holds) BOOST_ERROR("seed " + std::to_string(seed_) + ": " + otherwise);
    }
    int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
    bool one_in(int n) { return below(n) == 0; }
    crocus::duration ticks(int n) const { return real_ ? n * 10us : crocus::duration(n * 1ms); }
    void pause() { one_in(3) ? crocus::yield_now() : crocus::sleep(ticks(below(6))); }

    std::unique_ptr<crocus::io_driver> driver() const {
        if (real_) return crocus::make_io_driver();
        return std::make_unique<crocus::test::virtual_time_driver>();
    }
    void prepare(crocus::event_loop& loop) {
        if (one_in(3)) loop.set_task_factory(crocus::eager_task_factory);
        if (seed_ % 2 == 1) loop.draw_order(seed_);
        loop.set_exception_handler([this](crocus::event_loop&, const crocus::exception_context& context) {
            if (crocus::test::contains(context.message, "was pending when")) return;  // close() says so
            // Whose gather() was left by something else than its own cancellation.
            if (thrown_into_one_ && crocus::test::contains(context.message, "never retrieved")) return;
            if (crocus::test::contains(context.message, "kept the event loop")) return;  // debug mode
            ++wrong_reports_;
            hold(false,
                 "report: " + context.message + (context.exception ? ": " + crocus::describe(context.exception) : ""));
        });
    }

    // ------------------------------------------------------------------------------------------------------- the loops

    void in_runner(bool debug) {
        crocus::runner runner({.driver = driver(), .handle_interrupt = false, .debug = debug});
        prepare(runner.get_loop());
        for (int rounds = 1 + below(3); rounds != 0; --rounds) runner.run([&] { main_flow(); });
        if (one_in(3))
            runner.run([&] {
                for (auto& r : roots_) end_of(r);
                for (int i = 0; i != 1000 && !crocus::all_tasks().empty(); ++i) crocus::sleep(ticks(1));
                hold(crocus::all_tasks().empty(), "a task is left");
            });
        runner.close();
        for (auto& r : roots_) hold(r.done(), "close() left a task");
        roots_.clear();
    }

    void in_own_loop(bool debug) {
        one_loop_ = true;
        crocus::event_loop loop(driver());
        loop.set_debug(debug);
        prepare(loop);
        for (int rounds = 1 + below(3); rounds != 0; --rounds) {
            if (one_in(3)) loop.call_later(ticks(below(10)), [&loop] { loop.stop(); });
            auto main = create_task([&] { main_flow(); }, {.loop = &loop});
            try {
                loop.run_until_complete(main);
            } catch (const crocus::loop_stopped&) {
            } catch (const crocus::cancelled_error&) {
            }
        }
        loop.close();
        for (auto& r : roots_) hold(r.done(), "close() left a task");
        roots_.clear();
    }

    void main_flow() {
        for (int i = 1 + below(3); i != 0; --i) roots_.push_back(plant(4));
        for (int i = below(7); i != 0; --i) {
            crocus::sleep(ticks(below(8)));
            disturb();
        }
        if (one_in(2)) end_of(roots_.back());
        hold(one_loop_ || crocus::current_task().cancelling() == 0, "the main flow was cancelled");
    }

    void end_of(task<int> root) {
        try {
            hold(root.get() >= 0, "a result was lost");
        } catch (const crocus::cancelled_error&) {
            if (!root.cancelled()) throw;
            if (crocus::current_task().cancelling() != 0) crocus::yield_now();
        }
    }

    void disturb() {
        auto tasks = crocus::all_tasks();
        std::erase(tasks, crocus::current_task());
        if (tasks.empty()) return;
        tasks[static_cast<std::size_t>(below(static_cast<int>(tasks.size())))].cancel("disturbed");
    }

    // ------------------------------------------------------------------------------------------------------- the tasks

    static const void* me() { return &crocus::current_task().agent(); }

    struct counted {
        int& count;
        explicit counted(int& c) : count(c) { ++count; }
        counted(const counted&) = delete;
        ~counted() { --count; }
    };

    /// What every task's function is: says whether its end fits what was asked of it.
    int whole(int depth, int value) {
        const counted alive(running_);
        auto self = crocus::current_task();
        const void* const who = me();
        swallowed_.erase(who);
        try {
            node(depth);
        } catch (const crocus::cancelled_error&) {
            hold(self.cancelling() > 0, "a cancellation was made up");
            throw;
        }
        if (self.cancelling() == 0 || swallowed_.contains(who)) return value;
        crocus::yield_now();
        hold(false, "a cancellation was lost");
        return value;
    }

    /// A task that does not fail, but may be cancelled.
    task<int> plant(int depth) {
        const int value = ++last_value_;
        crocus::task_options options;
        options.eager_start = one_in(4);
        return create_task([this, depth, value] { return whole_without_failure(depth, value); }, std::move(options));
    }
    int whole_without_failure(int depth, int value) {
        try {
            return whole(depth, value);
        } catch (const failure&) {
        } catch (const crocus::timeout_error&) {
        } catch (const crocus::exception_group&) {
        }
        return value;
    }

    /// The same, but for failures, for those who end them before they leave; `count` is their caller's.
    auto function(int depth, int value, int& count) {
        return [this, depth, value, &count] {
            const counted alive(count);
            return whole(depth, value);
        };
    }

    void node(int depth) {
        for (int steps = 1 + below(3); steps != 0; --steps) {
            const int before = crocus::current_task().cancelling();
            if (depth == 0)
                leaf();
            else
                step(depth - 1);
            hold(crocus::current_task().cancelling() >= before, "a request was taken back twice");
        }
    }

    void leaf() {
        switch (below(12)) {
            case 0:
                throw failure();
            case 1:
                return disturb();
            case 2:
                return;
            case 3:
                return in_thread();
            default:
                return pause();
        }
    }

    void step(int depth) {
        if (last_value_ > 80) return leaf();
        switch (below(19)) {
            case 0:
            case 1:
                return limited(depth);
            case 2:
                return crocus::defer_cancellation([&] { node(depth); });
            case 3:
                return cleaned_up(depth);
            case 4:
                return swallowing(depth);
            case 5:
                return generated(depth);
            case 6:
                return driven(depth);
            case 7:
                return awaited_call(depth);
            case 8:
            case 9:
                return grouped(depth);
            case 10:
                return gathered(depth);
            case 11:
                return gathered_outcomes(depth);
            case 12:
                return gathered_handles(depth);
            case 13:
                return completed_functions(depth);
            case 14:
                return completed_handles(depth);
            case 15:
                return waited(depth);
            case 16:
                return shielded(depth);
            case 17:
                return waited_for(depth);
            default:
                return leaf();
        }
    }

    /// f awaits a handle, whose cancellation is no request to who awaits it.
    template <class F>
    void unless_handle_cancelled(F f) {
        try {
            f();
        } catch (const crocus::cancelled_error&) {
            if (crocus::current_task().cancelling() > 0) throw;
        }
    }

    void in_thread() {
        if (!real_) return pause();
        int called = 0;
        try {
            const int got = crocus::to_thread([&called] { return ++called; });
            hold(got == 1 && called == 1, "a thread's result was lost");
        } catch (const crocus::executor_shut_down&) {
        }
    }

    void limited(int depth) {
        const auto limit = ticks(below(14));
        try {
            if (one_in(2))
                crocus::with_timeout(limit, [&] { node(depth); });
            else
                crocus::move_on_after(limit, [&](crocus::timeout_scope& scope) {
                    if (one_in(3) && !scope.expired())
                        scope.reschedule(crocus::event_loop::current().now() + ticks(below(12) - 2));
                    node(depth);
                });
        } catch (const crocus::timeout_error&) {
            if (one_in(2)) throw;
        }
    }

    void cleaned_up(int depth) {
        struct goodbye {
            mixture& self;
            void say() const {
                if (self.one_in(3)) return self.pause();
                if (self.one_in(2)) {
                    crocus::move_on_after(self.ticks(self.below(4)), [&] { crocus::sleep(self.ticks(self.below(8))); });
                    return;
                }
                int count = 0;
                const auto f = [&] {
                    const counted alive(count);
                    self.pause();
                    return 1;
                };
                try {
                    crocus::gather(f, f);
                } catch (const crocus::cancelled_error&) {  // somebody disturbed them
                }
                self.hold(count == 0, "a clean-up left something running");
            }
            ~goodbye() {
                std::uncaught_exceptions() > 0 ? say() : crocus::defer_cancellation([&] { say(); });
            }
        } const at_end{*this};
        node(depth);
    }

    void swallowing(int depth) {
        try {
            node(depth);
        } catch (const crocus::cancelled_error&) {
            if (one_in(2)) throw;
            swallowed_.insert(me());
        } catch (const failure&) {
        } catch (const crocus::exception_group&) {
        }
    }

    void generated(int depth) {
        crocus::generator<int> g([&](auto& yield) {
            const counted alive(running_);
            node(depth);
            yield(1);
            node(depth);
            yield(1);
        });
        const bool early = one_in(2);
        for (int i : g) {
            hold(i == 1, "another value was yielded");
            if (early) break;
            pause();
        }
    }

    /// By a driver who passes on what ends his waits, and gives up now and then.
    void driven(int depth) {
        bool ended = false;
        {
            crocus::coroutine<int> c = [&] {
                struct at_end {
                    bool& e;
                    ~at_end() { e = true; }
                } const end{ended};
                const counted alive(running_);
                node(depth);
                return 7;
            };
            const bool gives_up = one_in(4);
            auto s = c.send();
            for (int i = 0; s.yielded(); ++i) {
                if (gives_up && i == 2) {
                    thrown_into_one_ = true;
                    break;
                }
                try {
                    crocus::await(*s);
                } catch (const crocus::cancelled_error&) {
                    swallowed_.insert(me());  // that is up to the coroutine now
                    thrown_into_one_ = true;
                    s = c.throw_(std::current_exception());
                    continue;
                }
                s = c.send();
            }
            if (!s.yielded()) hold(s.result() == 7, "a coroutine's result was lost");
        }
        hold(ended, "a coroutine was left running");
    }

    void awaited_call(int depth) {
        crocus::coroutine<int> c = [&] {
            node(depth);
            return 8;
        };
        if (one_in(2)) return hold(crocus::await(c) == 8, "a coroutine's result was lost");
        int count = 0;
        unless_handle_cancelled([&] {
            const auto [a, b] = crocus::gather(std::move(c), function(depth, 9, count));
            hold(a == 8 && b == 9, "gather: a result was lost");
        });
    }

    void grouped(int depth) {
        int count = 0, failed = 0;
        const auto child = [&] {
            const counted alive(count);
            try {
                return whole(depth, 5);
            } catch (const crocus::cancelled_error&) {
                throw;
            } catch (...) {
                ++failed;
                throw;
            }
        };
        bool body_failed = false;
        const auto body = [&](crocus::task_group& group) -> std::optional<int> {
            try {
                std::vector<task<int>> children;
                for (int i = below(4); i != 0; --i)
                    children.push_back(group.create_task(child, {.eager_start = one_in(3)}));
                if (one_in(6)) group.cancel("enough");
                if (one_in(3)) node(depth);
                if (children.empty() || one_in(2)) return 1;
                switch (below(4)) {
                    case 0:
                        unless_handle_cancelled([&] { crocus::gather(children); });
                        break;
                    case 1:
                        crocus::wait(children, {.timeout = ticks(below(5)), .return_when = crocus::first_exception});
                        break;
                    case 2:
                        unless_handle_cancelled([&] { crocus::shield(children.front()); });
                        break;
                    default:
                        for (auto& done : crocus::as_completed(children)) {
                            hold(done.done(), "as_completed: not done");
                            if (one_in(3)) break;
                        }
                }
                return 1;
            } catch (const crocus::cancelled_error&) {
                throw;
            } catch (...) {
                body_failed = true;
                throw;
            }
        };
        try {
            const auto got = crocus::with_task_group(body, {.limit = one_in(3) ? std::size_t{2} : std::size_t{0}});
            hold(failed == 0 && !body_failed, "a failure was lost");
            hold(!got || *got == 1, "a group's result was lost");
        } catch (const crocus::exception_group& e) {
            hold(count == 0, "a child is left running");
            hold(failed > 0 || body_failed, "a failure was made up");
            hold(e.exceptions().size() >= static_cast<std::size_t>(failed), "a failure was lost");
            throw;
        } catch (const crocus::cancelled_error&) {
            hold(count == 0, "a child is left running");
            hold(failed == 0 && !body_failed, "a failure was lost to a cancellation");
            throw;
        }
        hold(count == 0, "a child is left running");
    }

    struct callers {
        const mixture& of;
        int count = 0;
        explicit callers(const mixture& m) : of(m) {}
        ~callers() { of.hold(count == 0, "a function runs after its caller has left"); }
    };

    void gathered(int depth) {
        callers c(*this);
        unless_handle_cancelled([&] {
            if (one_in(2)) {
                const auto [a, b] = crocus::gather(function(depth, 1, c.count), function(depth, 2, c.count));
                return hold(a == 1 && b == 2, "gather: a result was lost");
            }
            std::vector<std::function<int()>> functions;
            for (int i = below(4); i != 0; --i) functions.emplace_back(function(depth, 3, c.count));
            for (int got : crocus::gather(functions)) hold(got == 3, "gather: a result was lost");
        });
    }

    void gathered_outcomes(int depth) {
        callers c(*this);
        auto t = plant(depth);
        unless_handle_cancelled([&] {
            const auto [a, b] = crocus::gather(crocus::return_exceptions, function(depth, 1, c.count), t);
            hold(!a || *a == 1, "gather: an outcome was lost");
            hold(t.done() && (b.has_value() || t.cancelled()), "gather: an outcome was lost");
        });
    }

    void gathered_handles(int depth) {
        callers c(*this);
        auto t = plant(depth), u = plant(depth);
        unless_handle_cancelled([&] {
            crocus::gather(t, function(depth, 1, c.count), u, t);
            hold(t.done() && u.done(), "gather: a handle is not done");
        });
    }

    /// Functions that do not fail: of those that are left nobody would retrieve it.
    void completed_functions(int depth) {
        callers c(*this);
        const auto f = [this, depth, &c] {
            const counted alive(c.count);
            return whole_without_failure(depth, 1);
        };
        int seen = 0;
        auto range = crocus::as_completed(std::vector{f, f}, one_in(2) ? std::optional(ticks(below(9))) : std::nullopt);
        const auto go = [&] {
            for (auto& done : range) {
                ++seen;
                hold(done.done(), "as_completed: not done");
                if (one_in(3)) pause();
                if (one_in(6)) return false;
                unless_handle_cancelled([&] { hold(done.get() == 1, "as_completed: a result was lost"); });
            }
            return true;
        };
        bool all = false;
        try {
            all = go();
        } catch (const crocus::timeout_error&) {
            if (one_in(2)) throw;
            all = go();
        }
        if (all) hold(seen == 2, "as_completed: a function was lost");
    }

    void completed_handles(int depth) {
        const std::vector tasks{plant(depth), plant(depth), plant(depth)};
        auto range = crocus::as_completed(tasks, ticks(below(9)));
        int seen = 0;
        try {
            for (auto& done : range) seen += done.done();
        } catch (const crocus::timeout_error&) {
            if (one_in(4)) return;
            for (auto& done : range) seen += done.done();
        }
        hold(seen == 3, "as_completed: a handle was lost");
    }

    void waited(int depth) {
        std::vector tasks{plant(depth), plant(depth)};
        const auto condition = static_cast<crocus::wait_condition>(below(3));
        std::optional<crocus::duration> timeout;
        if (one_in(2)) timeout = ticks(below(6));
        auto [done, pending] = crocus::wait(tasks, {.timeout = timeout, .return_when = condition});
        hold(done.size() + pending.size() == 2, "wait: a handle was lost");
        for (auto& t : done) hold(t.done(), "wait: not done");
        for (auto& t : pending)
            if (one_in(2)) t.cancel("pending");
        if (!pending.empty() && one_in(2)) crocus::wait(pending);
    }

    void shielded(int depth) {
        auto t = plant(depth);
        unless_handle_cancelled([&] {
            if (one_in(2))
                crocus::with_timeout(ticks(below(9)), [&] { crocus::shield(t); });
            else
                crocus::shield(t);
            hold(t.done(), "shield: a result was lost");
        });
    }

    void waited_for(int depth) {
        auto t = plant(depth);
        try {
            unless_handle_cancelled([&] { hold(crocus::wait_for(t, ticks(below(9))) >= 0, "a result was lost"); });
            if (t.cancelling() > 0) swallowed_.insert(me());  // it was forwarded, and swallowed there
        } catch (const crocus::timeout_error&) {
            hold(t.done() || thrown_into_one_, "wait_for left a task running");
        }
    }

    const unsigned seed_;
    std::mt19937 random_;
    const bool real_;
    int running_ = 0;
    bool one_loop_ = false;         // in which the main flow is a task
    bool thrown_into_one_ = false;  // a coroutine, whose wait that ends
    int wrong_reports_ = 0;
    int last_value_ = 0;
    std::vector<task<int>> roots_;
    std::set<const void*> swallowed_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_is_mixed_nothing_is_lost_made_up_or_left_running) {
    const crocus::test::seed_range seeds(600);
    // What coroutines that are given up in their clean-up end with.
    const crocus::test::reports of_coroutines;
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) mixture(seed).stir();
}
