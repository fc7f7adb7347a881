// What was popped is done when its new stack is destroyed: that one is to be kept.
#include <crocus/exit_stack.hpp>

void use(crocus::exit_stack& scope) {
#ifdef MISUSE
    scope.pop_all();
#else
    const crocus::exit_stack kept = scope.pop_all();
#endif
}
