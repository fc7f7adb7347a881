#include "air.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace crocus::testing::in_memory {

bool air::chance(double of) noexcept {
    if (of <= 0) return false;
    return static_cast<double>(numbers_.next() >> 11U) * 0x1p-53 < of;
}

duration air::between(duration least, duration most) noexcept {
    if (least >= most) return least;
    return least + duration(numbers_.below(static_cast<std::uint64_t>((most - least).count()) + 1));
}

std::size_t air::some_of(std::size_t n, double chance_of_less) noexcept {
    if (n < 2 || !chance(chance_of_less)) return n;
    return 1 + numbers_.below(n - 1);
}

void air::add(time_point when, if_cut then, std::function<void()> happens) {
    arrivals_.push_back({when, added_++, then, std::move(happens)});
    std::push_heap(arrivals_.begin(), arrivals_.end());
}

bool air::deliver() {
    const bool any = !arrivals_.empty() && next() <= now();
    while (!arrivals_.empty() && next() <= now()) {
        std::pop_heap(arrivals_.begin(), arrivals_.end());
        arrival first = std::move(arrivals_.back());
        arrivals_.pop_back();
        if (cut_ && first.then == if_cut::waits)
            held_.push_back(std::move(first));
        else
            first.happens();
    }
    return any;
}

/// What was held comes first, in its order: its time has come.
void air::heal() {
    cut_ = false;
    for (arrival& a : std::exchange(held_, {})) {
        arrivals_.push_back(std::move(a));
        std::push_heap(arrivals_.begin(), arrivals_.end());
    }
}

void air::note(std::string_view line) {
    const auto since = std::chrono::nanoseconds(now() - begin_).count();
    std::array<char, 48> at{};
    std::snprintf(at.data(), at.size(), "%lld.%09lld ", static_cast<long long>(since / 1'000'000'000),
                  static_cast<long long>(since % 1'000'000'000));
    trace_.append(at.data()).append(line).append("\n");
}

}  // namespace crocus::testing::in_memory
