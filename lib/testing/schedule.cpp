#include <crocus/testing/schedule.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

#include "../event_loop/rehearsal.hpp"

namespace crocus::testing {

namespace {

std::optional<std::uint64_t> number_in_environment(const char* name) {
    const char* const text = std::getenv(name);
    if (text == nullptr || *text == '\0') return std::nullopt;
    errno = 0;
    const auto number = std::strtoull(text, nullptr, 10);
    if (text[std::strspn(text, "0123456789")] != '\0' || errno != 0)
        throw usage_error(std::string(name) + "=" + text + " is no number: a seed is one of 64 bits");
    return number;
}

void run_with(std::uint64_t seed, const std::function<void()>& f) {
    try {
        run(f, {.seed = seed});
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

void for_each_seed(std::size_t count, const std::function<void()>& f) {
    if (const auto only = number_in_environment("CROCUS_SEED")) return run_with(*only, f);
    const std::uint64_t first = number_in_environment("CROCUS_FIRST_SEED").value_or(1);
    const std::uint64_t seeds = number_in_environment("CROCUS_SEEDS").value_or(count);
    for (std::uint64_t i = 0; i != seeds; ++i) run_with(first + i, f);
}

void wait_all_blocked() {
    detail::check_can_suspend();
    event_loop::current().rehearse().standstill().wait();
}

}  // namespace crocus::testing
