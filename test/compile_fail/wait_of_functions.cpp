// wait leaves what it was given running, so it takes handles alone. (T26)
#include <vector>

#include <crocus/wait.hpp>

void use(const std::vector<int (*)()>& functions) {
#ifdef MISUSE
    crocus::wait(functions);
#else
    std::vector<crocus::task<int> > tasks;
    for (const auto f : functions) tasks.push_back(crocus::create_task(f));
    crocus::wait(tasks);
#endif
}
