#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <set>

#include "failure.hpp"

namespace compare {
namespace {

constexpr std::size_t most_urls = 100'000;
constexpr std::size_t most_concurrency = 100'000;
constexpr std::uint64_t longest_latency = 60'000;

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::size_t count(const std::string& option, std::string_view text, std::size_t most) {
    const auto value = number<std::size_t>(text);
    if (!value || *value < 1 || *value > most)
        throw failure(option + " " + std::string(text) + ": give a whole number from 1 to " + std::to_string(most));
    return *value;
}

latency_range latency(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto least = number<std::uint64_t>(text.substr(0, dash));
    const auto most = dash == text.npos ? std::nullopt : number<std::uint64_t>(text.substr(dash + 1));
    if (!least || !most || *least > *most || *most > longest_latency)
        throw failure("--latency " + std::string(text) + ": give MIN-MAX in milliseconds, MIN not above MAX, at most " +
                      std::to_string(longest_latency) + ", as in 50-400");
    return {std::chrono::milliseconds(*least), std::chrono::milliseconds(*most)};
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t comma; (comma = text.find(',')) != text.npos; text.remove_prefix(comma + 1))
        parts.push_back(text.substr(0, comma));
    parts.push_back(text);
    return parts;
}

std::vector<model_id> model_list(std::string_view text) {
    std::set<model_id> chosen;
    for (const std::string_view name : split(text)) {
        const auto id = model_named(name);
        if (!id)
            throw failure("--models: there is no model '" + std::string(name) + "': choose from " + model_names() +
                          ", or their numbers 1 to 7, separated by commas");
        if (!chosen.insert(*id).second)
            throw failure("--models: '" + std::string(name) + "' stands there twice: name each model once");
    }
    return {chosen.begin(), chosen.end()};
}

std::uint64_t seed(std::string_view text) {
    const auto value = number<std::uint64_t>(text);
    if (!value) throw failure("--seed " + std::string(text) + ": give a whole number from 0 to 18446744073709551615");
    return *value;
}

}  // namespace

bool options::runs(model_id id) const { return std::ranges::find(models, id) != models.end(); }

std::string join(const std::vector<unsigned>& nums) {
    std::string text;
    for (const unsigned num : nums) text += (text.empty() ? "" : ",") + std::to_string(num);
    return text;
}

std::vector<unsigned> parse_nums(std::string_view text) {
    constexpr unsigned least = 2, most = 200;
    std::vector<unsigned> nums;
    for (const std::string_view part : split(text)) {
        const auto num = number<unsigned>(part);
        if (!num || *num < least || *num > most)
            throw failure("--nums " + std::string(text) + ": give whole numbers from " + std::to_string(least) +
                          " to " + std::to_string(most) + ", separated by commas");
        nums.push_back(*num);
    }
    return nums;
}

options parse_options(std::span<const char* const> arguments) {
    options result;
    for (const model& m : all_models()) result.models.push_back(m.id);

    const std::map<std::string, std::function<void(const std::string&)>, std::less<>> setters = {
        {"--urls", [&](auto& value) { result.urls = count("--urls", value, most_urls); }},
        {"--concurrency", [&](auto& value) { result.concurrency = count("--concurrency", value, most_concurrency); }},
        {"--latency", [&](auto& value) { result.latency = latency(value); }},
        {"--seed", [&](auto& value) { result.seed = seed(value); }},
        {"--nums", [&](auto& value) { result.nums = parse_nums(value); }},
        {"--models", [&](auto& value) { result.models = model_list(value); }},
        {"--base-url", [&](auto& value) { result.base_url = url::parse(value); }},
        {"--output", [&](auto& value) { result.output = value; }},
    };
    std::set<std::string> given;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string argument = arguments[i];
        const std::string name = argument.substr(0, argument.find('='));
        if (argument == "--help" || argument == "-h") {
            result.help = true;
            continue;
        }
        const auto setter = setters.find(name);
        if (setter == setters.end()) throw failure("unknown option '" + argument + "': --help lists the options");
        if (!given.insert(name).second) throw failure(name + " is given twice: give it once");
        std::string value;
        if (name.size() < argument.size()) {
            value = argument.substr(name.size() + 1);
        } else if (i + 1 < arguments.size()) {
            value = arguments[++i];
        }
        if (value.empty()) throw failure(name + " needs a value: --help shows which");
        setter->second(value);
    }
    for (const char* meant_for_our_server : {"--latency", "--seed"})
        if (result.base_url && given.contains(meant_for_our_server))
            throw failure(std::string(meant_for_our_server) +
                          " is for the server that compare starts: leave it out beside --base-url");
    return result;
}

std::string help_text() {
    return R"(compare: one workload on every execution model

Downloads the country flags of Debian's iso-flags-png-320x240 package from a slow HTTP server, then
runs a CPU-bound job, on: )" +
           model_names() + R"(.
Each model is a process of its own and is measured: wall and CPU time, peak memory, threads, processes,
context switches. Every file that arrives is compared with its source byte for byte.

  --urls N            how many URLs to download: 100, 1000, 10000 ... (default 1000)
  --concurrency N     how many at a time (default 100)
  --latency MIN-MAX   the server's delay per answer in milliseconds (default 50-400)
  --seed N            which URLs wait how long, and which are answered 404 or 503 (default 1)
  --models LIST       some of the models, by name or number, separated by commas (default: all)
  --nums LIST         the CPU-bound jobs: the triple loop over range(1, num) for each (default
                      63,63,50,50,32,32)
  --base-url URL      a server of your own, http://host[:port][/path], instead of the one that compare
                      starts; URL/NAME.png is asked for (ad.png, ae.png, ...). Where it serves the same
                      files as /usr/share/iso-flags-png-320x240, they are verified as usual; where it
                      serves other ones, answers count as "unverified"
  --output DIR        where compare.svg and compare.csv go (default bin/compare)
  --help              this text

sequential and boost-fibers download one URL at a time; they run a sample, and their times are scaled.

Exit status: 0 all as expected; 1 a model failed, or an answer was not as expected; 2 it could not
start: bad option, server unreachable, output not writable, too few file descriptors; 130 interrupted.
)";
}

}  // namespace compare
