#include "program.hpp"

#include <unistd.h>

#include <charconv>
#include <iostream>
#include <string_view>

#include "experiment.hpp"
#include "failure.hpp"
#include "interrupt.hpp"
#include "model_role.hpp"
#include "options.hpp"
#include "output_files.hpp"
#include "report.hpp"
#include "server.hpp"

namespace compare {
namespace {

constexpr int exit_unexpected = 1, exit_failure = 2, exit_signal = 128;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

int run_server_role(std::span<const char* const> arguments) {
    using std::chrono::milliseconds;
    const latency_range latency{milliseconds(number(arguments[2])), milliseconds(number(arguments[3]))};
    serve(latency_plan(number(arguments[1]), latency));
}

int run_all(std::span<const char* const> arguments) {
    const options chosen = parse_options(arguments);
    if (chosen.help) {
        std::cout << help_text();
        return 0;
    }
    watch_for_interrupts();
    output_files files(chosen.output);
    const results found = run_experiment(chosen);
    print_report(std::cout, chosen, found, isatty(STDOUT_FILENO) == 1);
    write_report(files, chosen, found);
    std::cout << "Written: " << (chosen.output / "compare.svg").string() << ", "
              << (chosen.output / "compare.csv").string() << '\n';
    return all_in_order(found) ? 0 : exit_unexpected;
}

}  // namespace

int run_program(std::span<const char* const> arguments) try {
    const std::string_view role = arguments.empty() ? "" : arguments[0];
    if (role == "--role=server" && arguments.size() == 4) return run_server_role(arguments);
    if (role == "--role=model" && arguments.size() == 2) return run_model_role(arguments[1]);
    return run_all(arguments);
} catch (const interrupted& interrupt) {
    return exit_signal + interrupt.signal;
} catch (const std::exception& error) {
    std::cerr << "compare: " << error.what() << '\n';
    return exit_failure;
}

}  // namespace compare
