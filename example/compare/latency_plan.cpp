#include "latency_plan.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

namespace compare {
namespace {

enum class purpose : std::uint64_t { delay = 1, status = 2 };

// splitmix64: every index gets bits of its own without walking through those before it.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

std::uint64_t random_bits(std::uint64_t seed, std::size_t index, purpose p) {
    return mix(mix(mix(seed) ^ static_cast<std::uint64_t>(p)) ^ index);
}

}  // namespace

std::chrono::microseconds latency_plan::delay(std::size_t index) const {
    const std::chrono::microseconds least = range_.least;
    const std::chrono::microseconds most = range_.most;
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + std::chrono::microseconds(random_bits(seed_, index, purpose::delay) % span);
}

int latency_plan::status(std::size_t index) const {
    const std::uint64_t percent = random_bits(seed_, index, purpose::status) % 100;
    return percent == 0 ? 404 : percent == 1 ? 503 : 200;
}

std::chrono::microseconds latency_plan::mean_delay(std::size_t urls) const {
    std::chrono::microseconds sum{0};
    for (std::size_t i = 0; i < urls; ++i) sum += delay(i);
    return sum / static_cast<std::chrono::microseconds::rep>(urls);
}

double latency_plan::most_speedup(std::size_t urls, std::size_t at_a_time) const {
    using time = std::chrono::microseconds;
    std::priority_queue<time, std::vector<time>, std::greater<>> free_at;
    time sum{0};
    time end{1};
    for (std::size_t i = 0; i < urls; ++i) {
        time start{0};
        if (i >= at_a_time) {
            start = free_at.top();
            free_at.pop();
        }
        free_at.push(start + delay(i));
        sum += delay(i);
        end = std::max(end, start + delay(i));
    }
    return std::chrono::duration<double>(sum) / std::chrono::duration<double>(end);
}

std::vector<std::size_t> latency_plan::sample(std::size_t urls, std::chrono::microseconds time) const {
    std::vector<std::size_t> by_delay(urls);
    std::iota(by_delay.begin(), by_delay.end(), std::size_t{0});
    const auto mean = std::max<std::chrono::microseconds::rep>(mean_delay(urls).count(), 1);
    const std::size_t size = std::clamp<std::size_t>(static_cast<std::size_t>(time.count() / mean), 1, urls);
    if (size == urls) return by_delay;

    std::ranges::stable_sort(by_delay, {}, [this](std::size_t index) { return delay(index); });
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < size; ++i) chosen.push_back(by_delay[(2 * i + 1) * urls / (2 * size)]);
    std::ranges::sort(chosen);
    return chosen;
}

}  // namespace compare
