#define BOOST_TEST_MODULE staggered_race
#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/future.hpp>
#include <crocus/staggered_race.hpp>
#include <crocus/task.hpp>
#include <crocus/testing.hpp>
#include <crocus/wait.hpp>

#include "support/virtual_time.hpp"

using namespace std::chrono_literals;
using crocus::staggered_race;
using crocus::test::run_virtual;

namespace {

using functions = std::vector<std::function<int()>>;

/// What happened, and when: "begin 0 at 0, ..."
class record {
public:
    [[nodiscard]] std::function<int()> returning(int value, crocus::duration after) {
        return [=, this] { return began(value), wait(value, after), value; };
    }
    [[nodiscard]] std::function<int()> failing(int value, crocus::duration after) {
        return [=, this]() -> int {
            began(value);
            wait(value, after);
            throw std::runtime_error(std::to_string(value) + " failed");
        };
    }
    std::string text;

private:
    void add(const std::string& what) {
        const auto at =
            std::chrono::duration_cast<std::chrono::milliseconds>(crocus::event_loop::current().now() - start_);
        text += (text.empty() ? "" : ", ") + what + " at " + std::to_string(at.count());
    }
    void began(int value) { add("begin " + std::to_string(value)); }
    void wait(int value, crocus::duration d) {
        try {
            crocus::sleep(d);
        } catch (const crocus::cancelled_error&) {
            add("cancel " + std::to_string(value));
            throw;
        }
    }
    crocus::time_point start_ = crocus::event_loop::current().now();
};

std::string text_of(const std::exception_ptr& e) { return e ? crocus::describe(e) : "none"; }

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_that_returns_wins_and_the_next_never_begins) {  // L34
    run_virtual([] {
        record r;
        const auto race = staggered_race(functions{r.returning(0, 5ms), r.returning(1, 0ms)}, 10ms);
        BOOST_TEST(*race.value == 0);
        BOOST_TEST(*race.winner == 0u);
        BOOST_REQUIRE(race.exceptions.size() == 1u);
        BOOST_TEST(!race.exceptions[0]);
        BOOST_TEST(r.text == "begin 0 at 0");
    });
}

BOOST_AUTO_TEST_CASE(the_next_begins_when_the_delay_has_passed_and_who_loses_is_cancelled) {  // L34
    run_virtual([] {
        record r;
        const auto race = staggered_race(functions{r.returning(0, 1h), r.returning(1, 1h), r.returning(2, 3ms)}, 10ms);
        BOOST_TEST(*race.value == 2);
        BOOST_TEST(*race.winner == 2u);
        BOOST_TEST(r.text == "begin 0 at 0, begin 1 at 10, begin 2 at 20, cancel 0 at 23, cancel 1 at 23");
        BOOST_REQUIRE(race.exceptions.size() == 3u);
        BOOST_CHECK_THROW(std::rethrow_exception(race.exceptions[0]), crocus::cancelled_error);
        BOOST_TEST(!race.exceptions[2]);
    });
}

BOOST_AUTO_TEST_CASE(a_failure_begins_the_next_at_once) {  // L34
    run_virtual([] {
        record r;
        const auto race = staggered_race(
            functions{r.failing(0, 2ms), r.failing(1, 0ms), r.returning(2, 20ms), r.returning(3, 1h)}, 10ms);
        BOOST_TEST(*race.value == 2);
        BOOST_TEST(r.text == "begin 0 at 0, begin 1 at 2, begin 2 at 2, begin 3 at 12, cancel 3 at 22");
        BOOST_TEST(text_of(race.exceptions[0]).find("0 failed") != std::string::npos);
        BOOST_TEST(text_of(race.exceptions[1]).find("1 failed") != std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE(only_the_failure_of_the_one_before_begins_the_next) {  // L34
    run_virtual([] {
        record r;
        const auto race = staggered_race(functions{r.failing(0, 12ms), r.returning(1, 1h), r.returning(2, 1ms)}, 10ms);
        BOOST_TEST(*race.winner == 2u);
        BOOST_TEST(r.text == "begin 0 at 0, begin 1 at 10, begin 2 at 20, cancel 1 at 21");
    });
}

BOOST_AUTO_TEST_CASE(without_a_delay_each_begins_when_the_one_before_has_failed) {  // L34
    run_virtual([] {
        record r;
        const auto race =
            staggered_race(functions{r.failing(0, 1h), r.returning(1, 1h), r.returning(2, 0ms)}, std::nullopt);
        BOOST_TEST(*race.value == 1);
        BOOST_TEST(r.text == "begin 0 at 0, begin 1 at 3600000");
    });
}

BOOST_AUTO_TEST_CASE(where_all_fail_there_is_no_value_and_every_reason) {  // L34
    run_virtual([] {
        record r;
        const auto race = staggered_race(functions{r.failing(0, 1h), r.failing(1, 1ms)}, 10ms);
        BOOST_TEST(!race.value);
        BOOST_TEST(!race.winner);
        BOOST_REQUIRE(race.exceptions.size() == 2u);
        BOOST_TEST(text_of(race.exceptions[0]).find("0 failed") != std::string::npos);
        BOOST_TEST(text_of(race.exceptions[1]).find("1 failed") != std::string::npos);
        const auto none = staggered_race(functions{}, 10ms);
        BOOST_TEST(!none.winner);
        BOOST_TEST(none.exceptions.empty());
    });
}

BOOST_AUTO_TEST_CASE(it_returns_only_when_the_losers_have_ended) {  // L34
    run_virtual([] {
        bool ended = false;
        functions f{[&]() -> int {
                        try {
                            crocus::sleep(1h);
                        } catch (const crocus::cancelled_error&) {
                            crocus::defer_cancellation([] { crocus::sleep(7ms); });  // it takes its time
                            ended = true;
                            throw;
                        }
                        return 0;
                    },
                    [] { return 1; }};
        BOOST_TEST(*staggered_race(f, 1ms).winner == 1u);
        BOOST_TEST(ended);
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(the_value_of_one_that_returns_too_late_is_destroyed) {  // L34
    run_virtual([] {
        const auto late = std::make_shared<int>(0);
        const auto stubborn = [&] {
            try {
                crocus::sleep(1h);
            } catch (const crocus::cancelled_error&) {  // it makes something of it all the same
            }
            return late;
        };
        std::vector<std::function<std::shared_ptr<int>()>> f{stubborn, [] { return std::make_shared<int>(1); }};
        const auto race = staggered_race(f, 1ms);
        BOOST_TEST(*race.winner == 1u);
        BOOST_TEST(**race.value == 1);
        BOOST_TEST(late.use_count() == 1);
        BOOST_TEST(!race.exceptions[0]);
    });
}

BOOST_AUTO_TEST_CASE(of_two_that_return_at_the_same_instant_one_wins) {  // L34
    run_virtual([] {
        int alive = 0;
        struct counted {
            explicit counted(int& n) : n_(&n) { ++n; }
            counted(counted&& other) noexcept : n_(std::exchange(other.n_, nullptr)) {}
            counted& operator=(counted&&) = delete;
            ~counted() {
                if (n_ != nullptr) --*n_;
            }
            int* n_;
        };
        crocus::future<void> go;
        const auto racing = [&] {
            go.get();
            return counted(alive);
        };
        std::vector<std::function<counted()>> f{racing, racing, racing};
        crocus::event_loop::current().call_later(5ms, [&] { go.set_result(); });
        {
            const auto race = staggered_race(f, 1ms);
            BOOST_TEST(*race.winner == 0u);
            BOOST_TEST(alive == 1);
        }
        BOOST_TEST(alive == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_cancellation_of_the_caller_ends_all) {  // L34
    for (const auto when : {5ms, 15ms, 100ms})
        run_virtual([&] {
            record r;
            const functions f{r.returning(0, 1h), r.failing(1, 2h)};
            auto racing = crocus::create_task([&] { staggered_race(f, 10ms); });
            crocus::sleep(when);
            racing.cancel("enough");
            BOOST_CHECK_EXCEPTION(racing.get(), crocus::cancelled_error,
                                  [](const auto& e) { return e.message() == "enough"; });
            BOOST_TEST(crocus::all_tasks().empty());
            BOOST_TEST(r.text.find("cancel 0") != std::string::npos);
        });
}

BOOST_AUTO_TEST_CASE(tasks_that_begin_at_once_race_as_well) {  // L34
    run_virtual([] {
        crocus::event_loop::current().set_task_factory(
            [](crocus::event_loop&, crocus::task_options& options) { options.eager_start = true; });
        record r;
        auto race = staggered_race(functions{r.failing(0, 0ms), r.returning(1, 5ms), r.returning(2, 0ms)}, 1ms);
        BOOST_TEST(*race.winner == 2u);
        std::vector<std::function<int()>> at_once{[]() -> int { throw std::runtime_error("no"); }, [] { return 8; },
                                                  [] { return 9; }};
        race = staggered_race(at_once, 1ms);
        BOOST_TEST(*race.value == 8);
        BOOST_TEST(race.exceptions.size() == 2u);
    });
}

BOOST_AUTO_TEST_CASE(functions_that_return_nothing_race_for_a_monostate) {
    run_virtual([] {
        std::vector<std::function<void()>> f{[] { crocus::sleep(1h); }, [] {}};
        const auto race = staggered_race(f, 1ms);
        BOOST_TEST(race.value.has_value());
        BOOST_TEST(*race.winner == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_function_that_ends_by_a_cancellation_of_its_own_has_failed) {
    run_virtual([] {
        functions f{[]() -> int { throw crocus::cancelled_error("its own"); }, [] { return 1; }};
        const auto race = staggered_race(f, std::nullopt);
        BOOST_TEST(*race.winner == 1u);
        BOOST_CHECK_THROW(std::rethrow_exception(race.exceptions[0]), crocus::cancelled_error);
    });
}
