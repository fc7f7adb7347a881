// Functions that refer to their caller's variables: nothing of them runs when who called them has returned, whichever
// fails, in whatever order they end, and wherever the caller is cancelled. AddressSanitizer sees what these tests miss.
#define BOOST_TEST_MODULE wait_lifetimes
#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/generator.hpp>
#include <crocus/task.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/wait.hpp>

#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::test::run_virtual;

namespace {

constexpr int parts = 4;

/// How the functions of one round end.
struct plan {
    std::array<int, parts> steps;  // that each takes
    int failing;                   // which; none if there is no such
};

/// What became of one round. It outlives it.
struct witness {
    bool alive = false;  // the variables that the functions refer to
    int running = 0;
    int late = 0;  // uses of those variables when they were gone
};

/// The variables that the functions refer to.
class variables {
public:
    variables(witness& w, const plan& p) : witness_(w), plan_(p), cell_(std::make_unique<int>(0)) { w.alive = true; }
    ~variables() { witness_.alive = false; }
    variables(const variables&) = delete;
    variables& operator=(const variables&) = delete;

    /// One of the functions: it uses them at every step, also as it is cancelled, and as what it captured is destroyed.
    int work(int which) {
        const use in_use(*this, witness_);
        try {
            for (int i = 0; i != plan_.steps[static_cast<std::size_t>(which)]; ++i) {
                crocus::yield_now();
                touch(witness_);
            }
        } catch (const crocus::cancelled_error&) {
            crocus::yield_now();
            touch(witness_);
            throw;
        }
        if (which == plan_.failing) throw std::runtime_error("part " + std::to_string(which));
        return which;
    }

private:
    struct use {
        use(variables& v, witness& w) : of(v), seen_by(w) { ++w.running; }
        ~use() {
            of.touch(seen_by);
            --seen_by.running;
        }
        use(const use&) = delete;
        use& operator=(const use&) = delete;
        variables& of;
        witness& seen_by;
    };

    /// Not by way of `this`, as long as it may be gone.
    void touch(witness& w) {
        if (w.alive)
            ++*cell_;
        else
            ++w.late;
    }

    witness& witness_;
    const plan& plan_;
    std::unique_ptr<int> cell_;
};

// Each way of calling them. They end with all that the plan says, or with an exception.

void in_a_tuple(witness& w, const plan& p) {
    variables v(w, p);
    const auto results = crocus::gather([&] { return v.work(0); }, [&] { return v.work(1); }, [&] { return v.work(2); },
                                        [&] { return v.work(3); });
    if (results != std::tuple(0, 1, 2, 3)) throw std::logic_error("wrong results");
}

void in_a_range(witness& w, const plan& p) {
    variables v(w, p);
    std::vector<std::function<int()>> functions;
    for (int i = 0; i != parts; ++i) functions.push_back([&v, i] { return v.work(i); });
    if (crocus::gather(functions) != std::vector{0, 1, 2, 3}) throw std::logic_error("wrong results");
}

void made_on_the_way(witness& w, const plan& p) {
    variables v(w, p);
    crocus::generator<std::function<int()>> functions = [&](auto& yield) {
        for (int i = 0; i != parts; ++i) yield([&v, i] { return v.work(i); });
    };
    crocus::gather(functions);
}

void with_outcomes(witness& w, const plan& p) {
    variables v(w, p);
    const auto outcomes = crocus::gather(
        crocus::return_exceptions, [&] { return v.work(0); }, [&] { return v.work(1); }, [&] { return v.work(2); },
        [&] { return v.work(3); });
    std::apply([](auto&... o) { (static_cast<void>(o.value()), ...); }, outcomes);
}

void beside_a_handle(witness& w, const plan& p) {
    auto handle = create_task([] {
        for (int i = 0; i != 3; ++i) crocus::yield_now();
    });
    variables v(w, p);
    crocus::gather([&] { return v.work(0); }, handle, [&] { return v.work(1); }, [&] { return v.work(2); },
                   [&] { return v.work(3); });
}

void as_they_end(witness& w, const plan& p) {
    variables v(w, p);
    std::vector<std::function<int()>> functions;
    for (int i = 0; i != parts; ++i) functions.push_back([&v, i] { return v.work(i); });
    for (auto& done : crocus::as_completed(functions)) {
        crocus::yield_now();
        done.get();
    }
}

void until_the_second_ends(witness& w, const plan& p) {
    variables v(w, p);
    std::vector<std::function<int()>> functions;
    for (int i = 0; i != parts; ++i) functions.push_back([&v, i] { return v.work(i); });
    int seen = 0;
    for (auto& done : crocus::as_completed(functions)) {
        done.get();
        if (++seen == 2) break;
    }
}

void nested(witness& w, const plan& p) {
    variables v(w, p);
    crocus::gather(
        [&] { crocus::gather([&] { return v.work(0); }, [&] { return v.work(1); }); },
        [&] {
            std::vector<std::function<int()>> functions{[&] { return v.work(2); }, [&] { return v.work(3); }};
            for (auto& done : crocus::as_completed(functions)) done.get();
        });
}

/// One round: its caller is cancelled after so many steps. False if it had ended before.
bool round(void (*way)(witness&, const plan&), const plan& p, int cancelled_after) {
    witness w;
    bool failed = false;
    auto caller = create_task([&] {
        try {
            way(w, p);
        } catch (const std::runtime_error&) {
            failed = true;
        }
        BOOST_TEST(w.running == 0);
        crocus::yield_now();  // a request that came too late to be met is met here
    });
    for (int i = 0; i != cancelled_after; ++i) crocus::yield_now();
    const bool cancelled = caller.cancel("enough");
    crocus::wait({caller});
    BOOST_TEST(caller.cancelled() == cancelled);  // no cancellation is lost
    BOOST_TEST(caller.cancelling() == (cancelled ? 1 : 0));
    if (!cancelled && way != until_the_second_ends) BOOST_TEST(failed == (p.failing < parts));
    BOOST_TEST(w.running == 0);
    BOOST_TEST(w.late == 0);
    for (auto& left : crocus::all_tasks()) left.cancel();  // the handle's, at most
    while (!crocus::all_tasks().empty()) crocus::yield_now();
    return cancelled;
}

/// Every order of ends, with each failing, the caller cancelled at every step.
void every_round(void (*way)(witness&, const plan&)) {
    run_virtual([&] {
        plan p{{0, 1, 2, 3}, 0};
        do {
            for (p.failing = 0; p.failing <= parts; ++p.failing)
                for (int after = 0; round(way, p, after); ++after) BOOST_TEST_REQUIRE(after < 100);
        } while (std::ranges::next_permutation(p.steps).found);
        p = {{1, 1, 1, 1}, 0};  // all end together
        for (p.failing = 0; p.failing <= parts; ++p.failing)
            for (int after = 0; round(way, p, after); ++after) BOOST_TEST_REQUIRE(after < 100);
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(gather_of_arguments) { every_round(in_a_tuple); }  // T24, T25
BOOST_AUTO_TEST_CASE(gather_of_a_range) { every_round(in_a_range); }
BOOST_AUTO_TEST_CASE(gather_of_functions_made_on_the_way) { every_round(made_on_the_way); }
BOOST_AUTO_TEST_CASE(gather_with_outcomes) { every_round(with_outcomes); }
BOOST_AUTO_TEST_CASE(gather_beside_a_handle) { every_round(beside_a_handle); }
BOOST_AUTO_TEST_CASE(as_completed_to_its_end) { every_round(as_they_end); }  // T29
BOOST_AUTO_TEST_CASE(as_completed_that_is_left) { every_round(until_the_second_ends); }
BOOST_AUTO_TEST_CASE(gather_and_as_completed_inside_gather) { every_round(nested); }

// ------------------------------------------------------------------------------------------------------------- threads

namespace {

/// Calls on threads, of which one fails when all have begun, and the others when they are told to stop.
void on_threads(int failing, bool as_results_come) {
    std::atomic<int> began{0}, running{0};
    const auto call = [&](int which) {
        return [&, which] {
            return crocus::to_thread([&, which](const std::stop_token& stop) {
                ++running;
                ++began;
                while (began != parts) std::this_thread::yield();
                if (which != failing)
                    while (failing < parts && !stop.stop_requested()) std::this_thread::yield();
                --running;
                if (which == failing) throw std::runtime_error("on a thread");
                return which;
            });
        };
    };
    try {
        if (as_results_come)
            for (auto& done : crocus::as_completed(std::vector{call(0), call(1), call(2), call(3)})) done.get();
        else
            crocus::gather(call(0), call(1), call(2), call(3));
        BOOST_TEST(failing == parts);
    } catch (const std::runtime_error&) {
        BOOST_TEST(failing < parts);
    }
    BOOST_TEST(running == 0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(calls_on_threads_have_ended_when_gather_or_as_completed_has) {  // X3
    crocus::run([] {
        crocus::event_loop::current().set_default_executor(
            std::make_shared<crocus::thread_pool_executor>(crocus::thread_pool_options{.max_workers = parts}));
        for (const bool as_results_come : {false, true})
            for (int failing = 0; failing <= parts; ++failing) on_threads(failing, as_results_come);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_gather_waits_for_its_calls_on_threads) {  // X1
    crocus::run([] {
        std::atomic<bool> running{false};
        crocus::future<void> began;
        auto caller = create_task([&] {
            int local = 0;
            crocus::gather([&] {
                crocus::to_thread([&, loop = crocus::event_loop::current().ref()](const std::stop_token& stop) {
                    running = true;
                    loop.call_soon([&] { began.set_result(); });
                    while (!stop.stop_requested()) std::this_thread::yield();
                    ++local;
                    running = false;
                });
            });
        });
        began.get();
        caller.cancel();
        BOOST_CHECK_THROW(caller.get(), crocus::cancelled_error);
        BOOST_TEST(!running);
    });
}
