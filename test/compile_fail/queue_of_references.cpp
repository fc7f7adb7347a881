// A queue holds values.
#include <crocus/queue.hpp>

int use(int& i) {
#ifdef MISUSE
    crocus::queue<int&> q;
#else
    crocus::queue<int*> q;
#endif
    return q.try_put(&i);
}
