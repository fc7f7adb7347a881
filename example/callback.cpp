// C functions that call back: a sort whose comparisons wait for answers, two of them at once; and nftw as a generator.
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <ftw.h>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

using flowers = std::array<std::string_view, 4>;

/// As if somebody were asked over a network.
bool prefers(std::string_view a, std::string_view b, bool short_ones) {
    crocus::sleep(1ms);
    return short_ones ? a.size() < b.size() : a.size() > b.size();
}

/// qsort hands no user data on: the callback is found by the stack that it runs on.
flowers ranked(flowers names, bool short_ones) {
    crocus::through_c<int(const void*, const void*)>(
        [&](auto* compare) { std::qsort(names.data(), names.size(), sizeof(names[0]), compare); },
        [&](const void* a, const void* b) {
            const auto& one = *static_cast<const std::string_view*>(a);
            const auto& other = *static_cast<const std::string_view*>(b);
            return prefers(one, other, short_ones) ? -1 : prefers(other, one, short_ones);
        },
        0);
    return names;
}

crocus::generator<std::string> files_below(std::string directory) {
    return crocus::from_callback<std::string>([directory](auto& callback) {
        const int result = crocus::through_c<int(const char*, const struct stat*, int, FTW*)>(
            [&](auto* visit) { return nftw(directory.c_str(), visit, 16, FTW_PHYS); },
            [&](const char* file, const struct stat*, int, FTW*) {
                callback(file);
                return 0;
            },
            1);  // ends nftw, where the generator is closed
        if (result != 0) throw std::runtime_error("cannot walk " + directory);
    });
}

}  // namespace

int main() {
    const flowers names{"snowdrop", "tulip", "crocus", "winter aconite"};
    auto [shortest_first, longest_first] = crocus::gather([&] { return ranked(names, true); },  //
                                                          [&] { return ranked(names, false); });
    std::cout << shortest_first[0] << ", " << longest_first[0] << '\n';

    int count = 0;
    for (const std::string& file : files_below("/proc/self/fdinfo")) {
        std::cout << file << '\n';
        if (++count == 3) break;  // nftw returns, and has closed its directories
    }
    try {
        files_below("/proc/none").next();
    } catch (const std::runtime_error& e) {
        std::cout << e.what() << '\n';
    }
}
