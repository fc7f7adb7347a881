// An endless generator, and the standard library's views over it.
#include <cstdint>
#include <iostream>
#include <ranges>
#include <utility>

#include <crocus.hpp>

namespace {

crocus::generator<std::uint64_t> fibonacci() {
    return [](auto& yield) {
        for (std::uint64_t a = 0, b = 1;; b += std::exchange(a, b)) yield(a);
    };
}

bool is_even(std::uint64_t n) { return n % 2 == 0; }

}  // namespace

int main() {
    for (const std::uint64_t n : fibonacci() | std::views::take(10)) std::cout << n << ' ';
    std::cout << '\n';

    for (const std::uint64_t n : fibonacci() | std::views::filter(is_even) | std::views::take(6)) std::cout << n << ' ';
    std::cout << '\n';

    const auto below = [](std::uint64_t bound) { return [bound](std::uint64_t n) { return n < bound; }; };
    const auto square = [](std::uint64_t n) { return n * n; };
    for (const std::uint64_t n : fibonacci() | std::views::take_while(below(50)) | std::views::transform(square))
        std::cout << n << ' ';
    std::cout << '\n';
}
