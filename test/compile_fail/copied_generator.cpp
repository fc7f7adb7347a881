// A generator is one computation: it moves.
#include <utility>

#include <crocus.hpp>

int main() {
    crocus::generator<int> one = [](auto& yield) { yield(1); };
#ifdef MISUSE
    crocus::generator<int> other = one;
#else
    crocus::generator<int> other = std::move(one);
#endif
}
