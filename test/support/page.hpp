// A value that is aligned as few are.
#pragma once

#include <cstdint>

namespace crocus::test {

struct alignas(4096) page {
    unsigned char bytes[4096];
    [[nodiscard]] bool aligned() const {
        auto at = reinterpret_cast<std::uintptr_t>(this);
        asm("" : "+r"(at));  // or the compiler knows without looking
        return at % 4096 == 0;
    }
};

}  // namespace crocus::test
