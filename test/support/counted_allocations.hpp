// How often the program asked for memory: replaces operator new. To be included by one file of a program.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace crocus::test {
inline std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
    ++crocus::test::allocations;
    if (void* const p = std::malloc(size != 0 ? size : 1)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
