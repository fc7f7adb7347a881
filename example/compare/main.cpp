// compare: downloads and computes on every execution model, and shows what each costs.
//
// The program plays three roles, each in a process of its own: the one that the user starts, which orders and measures;
// the server; and one execution model at a time. A process pool's workers are the fourth.
#include <unistd.h>

#include <charconv>
#include <crocus.hpp>
#include <iostream>
#include <span>
#include <string_view>

#include "experiment.hpp"
#include "failure.hpp"
#include "interrupt.hpp"
#include "model_role.hpp"
#include "options.hpp"
#include "output_files.hpp"
#include "report.hpp"
#include "server.hpp"

namespace {

constexpr int exit_unexpected = 1, exit_failure = 2, exit_signal = 128;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

int run_server_role(std::span<const char* const> arguments) {
    using std::chrono::milliseconds;
    const compare::latency_range latency{milliseconds(number(arguments[2])), milliseconds(number(arguments[3]))};
    compare::serve(compare::latency_plan(number(arguments[1]), latency));
}

int run_compare(std::span<const char* const> arguments) {
    const compare::options options = compare::parse_options(arguments);
    if (options.help) {
        std::cout << compare::help_text();
        return 0;
    }
    compare::watch_for_interrupts();
    compare::output_files files(options.output);
    const compare::results found = compare::run_experiment(options);
    compare::print_report(std::cout, options, found, isatty(STDOUT_FILENO) == 1);
    compare::write_report(files, options, found);
    std::cout << "Written: " << (options.output / "compare.svg").string() << ", "
              << (options.output / "compare.csv").string() << '\n';
    return compare::all_in_order(found) ? 0 : exit_unexpected;
}

}  // namespace

int main(int argc, char** argv) {
    crocus::host_workers(argc, argv);
    const std::span<const char* const> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
    const std::string_view role = arguments.empty() ? "" : arguments[0];
    try {
        if (role == "--role=server" && arguments.size() == 4) return run_server_role(arguments);
        if (role == "--role=model" && arguments.size() == 2) return compare::run_model_role(arguments[1]);
        return run_compare(arguments);
    } catch (const compare::interrupted& interrupt) {
        return exit_signal + interrupt.signal;
    } catch (const std::exception& error) {
        std::cerr << "compare: " << error.what() << '\n';
        return exit_failure;
    }
}
