// A task whose handle nobody keeps fails unseen.
#include <crocus.hpp>

int main() {
#ifdef MISUSE
    crocus::create_task([] {});
#else
    crocus::create_task([] {}).get();
#endif
}
