// A future of a value is set to one, a future of nothing to nothing.
#include <crocus.hpp>

int main() {
    crocus::future<void> done;
#ifdef MISUSE
    done.set_result(1);
#else
    done.set_result();
#endif
}
