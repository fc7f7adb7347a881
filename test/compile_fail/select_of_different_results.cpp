// All handlers of a select return the same type.
#include <crocus/select.hpp>

int use(crocus::queue<int>& q, crocus::event& e) {
    return crocus::select(crocus::on_get(q, [](int i) { return i; }),
#ifdef MISUSE
                          crocus::on_set(e, [] { return 1L; }));
#else
                          crocus::on_set(e, [] { return 1; }));
#endif
}
