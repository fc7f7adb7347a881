// How deep stacks are used, place by place.
#define BOOST_TEST_MODULE stack_use
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <optional>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/stack.hpp>
#include <crocus/task.hpp>

#include "support/flow.hpp"
#include "support/virtual_time.hpp"

namespace {

using crocus::generator;
using crocus::stack_use;

constexpr std::size_t KiB = 1024;
constexpr std::size_t elsewhere = 24 * KiB;  // what a body that does nothing may use, in a sanitized program too

/// Touches every page of a frame.
template <std::size_t Size>
[[gnu::noinline, gnu::no_sanitize_address]] void touch() {
    volatile char frame[Size];
    asm volatile("" : : "r"(frame));  // all of it is wanted
    for (std::size_t i = 0; i < Size; i += 1 * KiB) frame[i] = 1;
}

unsigned line_after(const std::source_location& here = std::source_location::current()) { return here.line() + 1; }

std::optional<stack_use> use_at(unsigned line, const std::string& kind = "generator") {
    const auto all = stack_use::recorded();
    const auto found = std::find_if(all.begin(), all.end(), [&](const stack_use& use) {
        return use.line == line && use.kind == kind && use.file.find("use.cpp") != std::string::npos;
    });
    return found == all.end() ? std::nullopt : std::optional(*found);
}

/// Records within its scope.
struct recording {
    recording() { stack_use::record(); }
    ~recording() { stack_use::record(false); }
};

void run_to_its_end(generator<int> g) {
    for (int i : g) static_cast<void>(i);
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_recorded_unless_asked_for) {
    const unsigned line = line_after();
    run_to_its_end([](auto&) { touch<50 * KiB>(); });
    BOOST_TEST(!use_at(line).has_value());
    BOOST_TEST(stack_use::recorded().empty());
}

BOOST_AUTO_TEST_CASE(a_place_has_the_deepest_use_of_all_that_were_made_there_and_their_number) {
    const recording on;
    unsigned line = 0;
    for (const bool deep : {false, true, false}) {
        line = line_after();
        run_to_its_end([=](auto&) { deep ? touch<100 * KiB>() : touch<10 * KiB>(); });
    }
    const auto use = use_at(line);
    BOOST_REQUIRE(use.has_value());
    BOOST_TEST(use->count == 3u);
    BOOST_TEST(use->high_water >= 100 * KiB);
    BOOST_TEST(use->high_water <= 100 * KiB + elsewhere);
    BOOST_TEST(use->stack_size + 2 * KiB >= crocus::stack::default_size());
    BOOST_TEST(use->stack_size <= crocus::stack::default_size() + 2 * KiB);
}

BOOST_AUTO_TEST_CASE(each_place_counts_for_itself) {
    const recording on;
    const unsigned shallow = line_after();
    run_to_its_end([](auto&) { touch<20 * KiB>(); });
    const unsigned deep = line_after();
    run_to_its_end([](auto&) { touch<150 * KiB>(); });
    const auto less = use_at(shallow), more = use_at(deep);
    BOOST_REQUIRE((less.has_value() && more.has_value()));
    BOOST_TEST(less->high_water >= 20 * KiB);
    BOOST_TEST(less->high_water <= 20 * KiB + elsewhere);
    BOOST_TEST(more->high_water >= 150 * KiB);
}

BOOST_AUTO_TEST_CASE(what_an_earlier_user_of_a_stack_touched_does_not_count) {
    run_to_its_end([](auto&) { touch<150 * KiB>(); });
    const recording on;
    run_to_its_end([](auto&) { touch<140 * KiB>(); });
    const unsigned line = line_after();
    run_to_its_end([](auto&) {});
    const auto use = use_at(line);
    BOOST_REQUIRE(use.has_value());
    BOOST_TEST(use->high_water > 0u);
    BOOST_TEST(use->high_water <= elsewhere);
}

BOOST_AUTO_TEST_CASE(what_is_kept_on_a_stack_while_it_is_suspended_stays_there) {
    const recording on;
    generator<int> g = [](auto& yield) {
        volatile int kept[10'000];
        for (int i = 0; i != 10'000; ++i) kept[i] = i;
        for (int i = 0; i != 10'000; i += 1000) yield(kept[i]);
    };
    for (int expected = 0; int i : g) {
        run_to_its_end([](auto&) { touch<100 * KiB>(); });
        BOOST_TEST(i == expected);
        expected += 1000;
    }
}

BOOST_AUTO_TEST_CASE(who_was_made_before_the_recording_or_has_not_ended_is_not_in_it) {
    generator<int> early = [](auto& yield) { yield(1); };
    early.next();
    const recording on;
    const unsigned line = line_after();
    generator<int> late = [](auto& yield) { yield(1); };
    late.next();
    early.next();
    const auto all = stack_use::recorded();
    BOOST_TEST(std::none_of(all.begin(), all.end(), [&](const stack_use& use) {
        return use.file.find("use.cpp") != std::string::npos && use.line + 5 >= line && use.line <= line;
    }));
    late.next();
    BOOST_TEST(use_at(line).has_value());
}

BOOST_AUTO_TEST_CASE(who_was_made_while_it_was_on_is_recorded_when_it_is_off_again) {
    std::optional<recording> on(std::in_place);
    const unsigned line = line_after();
    generator<int> g = [](auto& yield) { yield(1); };
    g.next();
    on.reset();
    g.next();
    BOOST_TEST(use_at(line).has_value());
}

BOOST_AUTO_TEST_CASE(a_borrowed_stack_has_a_place_too) {
    const recording on;
    const unsigned line = line_after();
    crocus::with_big_stack(1024 * KiB, [] { touch<700 * KiB>(); });
    const auto use = use_at(line, "with_big_stack");
    BOOST_REQUIRE(use.has_value());
    BOOST_TEST(use->high_water >= 700 * KiB);
    BOOST_TEST(use->high_water <= 700 * KiB + elsewhere);
    BOOST_TEST(use->stack_size >= 1024 * KiB);
}

BOOST_AUTO_TEST_CASE(the_last_bytes_of_a_stack_are_seen_and_a_huge_one_is_searched_to_its_end) {
    const recording on;
    const unsigned line = line_after();
    crocus::with_big_stack(64 * 1024 * KiB, [] {
        auto* const bottom = static_cast<volatile char*>(crocus::fiber::current().on().bottom());
        bottom[0] = 1;
    });
    const unsigned other = line_after();
    crocus::with_big_stack(64 * 1024 * KiB, [] { touch<5000 * KiB>(); });
    BOOST_TEST(use_at(line, "with_big_stack").value().high_water >= 64 * 1024 * KiB);
    BOOST_TEST(use_at(other, "with_big_stack").value().high_water >= 5000 * KiB);
    BOOST_TEST(use_at(other, "with_big_stack").value().high_water <= 5000 * KiB + elsewhere);
}

BOOST_AUTO_TEST_CASE(a_fiber_that_nobody_described_is_one_of_no_place) {
    const recording on;
    crocus::test::flow f([](crocus::test::flow&) { touch<90 * KiB>(); });
    f.enter();
    const auto all = stack_use::recorded();
    const auto found = std::find_if(all.begin(), all.end(), [](const stack_use& use) { return use.file.empty(); });
    BOOST_REQUIRE((found != all.end()));
    BOOST_TEST(found->kind == "fiber");
    BOOST_TEST(found->line == 0u);
    BOOST_TEST(found->high_water >= 90 * KiB);
}

BOOST_AUTO_TEST_CASE(pages_that_show_a_use_are_not_given_back_while_a_fiber_waits) {
    const recording on;
    const crocus::detail::flow_identity who{"waits", nullptr, std::source_location::current()};
    crocus::test::flow f([&](crocus::test::flow& self) {
        crocus::fiber::current().set_identity(&who);
        touch<90 * KiB>();
        self.leave();
    });
    f.enter();
    f.itself().give_back_unused();
    f.enter();
    BOOST_TEST(use_at(who.site.line(), "waits").value().high_water >= 90 * KiB);
}

BOOST_AUTO_TEST_CASE(threads_record_at_once) {
    const recording on;
    unsigned line = 0;
    const auto make = [&line](std::size_t count) {
        for (std::size_t i = 0; i != count; ++i) {
            const unsigned here = line_after();
            run_to_its_end([](auto&) { touch<10 * KiB>(); });
            if (line != here) line = here;
        }
    };
    make(1);
    const auto run = [make] { make(100); };
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i) threads.emplace_back(run);
    for (auto& thread : threads) thread.join();
    BOOST_TEST(use_at(line).value().count == 401u);
}

BOOST_AUTO_TEST_CASE(tasks_are_told_apart_also_where_they_would_share_a_stack) {
    crocus::test::run_virtual([] {
        crocus::create_task([] {}).get();  // leaves a stack that was not measured
        const recording on;
        const unsigned first_line = line_after();
        auto shallow = crocus::create_task([] { touch<20 * KiB>(); });
        const unsigned second_line = line_after();
        auto deep = crocus::create_task([] { touch<100 * KiB>(); });
        const unsigned third_line = line_after();
        auto shallow_again = crocus::create_task([] { touch<20 * KiB>(); });
        shallow.get(), deep.get(), shallow_again.get();
        BOOST_REQUIRE((use_at(first_line, "task") && use_at(second_line, "task") && use_at(third_line, "task")));
        BOOST_TEST(use_at(first_line, "task")->high_water < 20 * KiB + elsewhere);
        BOOST_TEST(use_at(second_line, "task")->high_water >= 100 * KiB);
        BOOST_TEST(use_at(third_line, "task")->high_water < 20 * KiB + elsewhere);
    });
}
