// shield leaves what it was given running, so it takes a handle. (T30)
#include <crocus/wait.hpp>

int use(int (*f)()) {
#ifdef MISUSE
    return crocus::shield(f);
#else
    return crocus::shield(crocus::create_task(f));
#endif
}
