// PEP 380's way to use a generator as a coroutine: averager is sent numbers and returns what they come to; grouper
// delegates to one averager after the other, and what is sent to it goes straight to that.
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <crocus.hpp>

namespace {

struct result {
    int count = 0;
    double average = 0;
};

using term = std::optional<double>;  // none ends a group

/// Yields nothing of interest: std::monostate.
template <class Return>
using sink = crocus::generator<std::monostate, term, Return>;

sink<result> averager() {
    return [](auto& yield) {
        double total = 0;
        result so_far;
        for (term next = *yield({}); next; next = *yield({})) {
            total += *next;
            so_far.average = total / ++so_far.count;
        }
        return so_far;
    };
}

sink<void> grouper(std::map<std::string, result>& results, std::string key) {
    return [&results, key](auto& yield) {
        while (true) results[key] = yield.from(averager());
    };
}

}  // namespace

int main() {
    const std::map<std::string, std::vector<double>> data{
        {"girls;kg", {40.9, 38.5, 44.3, 42.2, 45.2, 41.7, 44.5, 38.0, 40.6, 44.5}},
        {"girls;m", {1.6, 1.51, 1.4, 1.3, 1.41, 1.39, 1.33, 1.46, 1.45, 1.43}},
        {"boys;kg", {39.0, 40.8, 43.2, 40.8, 43.1, 38.6, 41.4, 40.6, 36.3}},
        {"boys;m", {1.38, 1.5, 1.32, 1.25, 1.37, 1.48, 1.25, 1.49, 1.46}},
    };
    std::map<std::string, result> results;
    for (const auto& [key, values] : data) {
        sink<void> group = grouper(results, key);
        group.next();
        for (const double value : values) group.send(value);
        group.send(std::nullopt);  // the averager returns; the grouper waits in its next one, and is closed
    }
    std::cout.precision(4);
    for (const auto& [key, of] : results) std::cout << key << ": " << of.count << " averaging " << of.average << '\n';
}
