// Tasks that random tests let do at random what can be done.
#pragma once

#include <chrono>

#include <crocus/error.hpp>
#include <crocus/task.hpp>

namespace crocus::test {

/// Awaits one. `rest(d)` lets time pass: who then still waits, for what will never come, is cancelled, as often as it
/// takes.
template <class Rest>
void end_actor(task<void>& actor, Rest rest) {
    using namespace std::chrono_literals;
    for (int left = 10; left != 0 && !actor.done(); --left) rest(1ms);
    while (!actor.done()) {
        actor.cancel();
        rest(1ms);
    }
    try {
        actor.get();
    } catch (const cancelled_error&) {
    }
}

}  // namespace crocus::test
