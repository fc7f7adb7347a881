#include <crocus/testing/schedule.hpp>

#include <exception>
#include <string>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

#include "../event_loop/rehearsal.hpp"
#include "environment.hpp"

namespace crocus::testing {

namespace {

void run_with(std::uint64_t seed, const std::function<void()>& f, const network_conditions& network) {
    try {
        run(f, {.seed = seed, .network = network});
    } catch (...) {
        const std::string number = std::to_string(seed);
        std::throw_with_nested(failure_with_seed("with seed " + number + ": " + describe(std::current_exception()) +
                                                     "\nCROCUS_SEED=" + number + " in the environment replays it",
                                                 seed));
    }
}

detail::drawn_numbers& numbers() {
    event_loop* const loop = event_loop::current_if_any();
    auto* const rehearsal = loop != nullptr ? loop->rehearsal_if_any() : nullptr;
    if (rehearsal == nullptr || !rehearsal->draws())
        throw usage_error("testing::random and choose draw from the seed of a testing::run: this has none");
    return rehearsal->numbers();
}

}  // namespace

void begin_run(const run_options& options) {
    event_loop& loop = event_loop::current();
    loop.poll_by_count();
    if (options.seed) loop.draw_order(*options.seed);
}

std::uint64_t random() { return numbers().next(); }

std::size_t choose(std::size_t n) { return numbers().below(n); }

void for_each_seed(std::size_t count, const std::function<void()>& f, const network_conditions& network) {
    if (const auto only = number_in_environment("CROCUS_SEED")) return run_with(*only, f, network);
    const std::uint64_t first = number_in_environment("CROCUS_FIRST_SEED").value_or(1);
    const std::uint64_t seeds = number_in_environment("CROCUS_SEEDS").value_or(count);
    for (std::uint64_t i = 0; i != seeds; ++i) run_with(first + i, f, network);
}

void wait_all_blocked() {
    detail::check_can_suspend();
    event_loop::current().rehearse().standstill().wait();
}

}  // namespace crocus::testing
