// Who waits for whom, and where: the tasks of a program, for a person to read (asyncio.print_call_graph).
//
// Debuggers show the same of a program that was stopped, or has crashed: doc/debugging.md.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include <crocus/config.hpp>
#include <crocus/future.hpp>
#include <crocus/task.hpp>

namespace crocus {

/// A call on a stack (asyncio.FrameCallGraphEntry).
struct call_graph_frame {
    void* address = nullptr;  // where it goes on
    std::string function;     // its name where the program exports it (-rdynamic), else "program+0x12ab", for addr2line
};

/// A task or future, what it is doing, and who awaits it (asyncio.FutureCallGraph).
struct call_graph {
    std::string who;                           // "task 'name' (made at file:line), pending"
    std::vector<call_graph_frame> call_stack;  // the innermost call first; empty for what has not begun, or has ended
    std::vector<call_graph> awaited_by;        // in the order in which they came
    bool shown_before = false;                 // it stands further up, with its stack and who awaits it
};

struct call_graph_options {
    /// How many calls of a stack are kept: the innermost of them; if it is negative, the outermost. (F18)
    int limit = 64;
};

/// What the caller does, and who waits for it (F18). A generator's body is followed by who resumed it. Who stands more
/// than 100 waits away is left out.
///
/// Over Boost.Context (doc/internals.md) the stacks of those who wait are not shown.
///
/// Throws: cannot_suspend   the caller is a loop callback
/// Thread: the loop's own.
/// Cost:   some microseconds for each task
[[nodiscard]] CROCUS_EXPORT call_graph capture_call_graph(call_graph_options options = {});

/// The same of a task or a thread's main flow, or of a future, which has no stack.
///
/// Requires: it belongs to the calling thread's loop.
[[nodiscard]] CROCUS_EXPORT call_graph capture_call_graph(const any_task& of, call_graph_options options = {});
template <class T>
[[nodiscard]] call_graph capture_call_graph(const future<T>& of, call_graph_options options = {});

/// As an indented text (F19):
///
///     * task 'fetch' (made at main.cpp:12), pending, 1 wait for it
///       + Call stack:
///       |   crocus::sleep(std::chrono::duration<...>)
///       |   program+0x2f10
///       + Awaited by:
///         * the main flow
///           + Call stack:
///           |   ...
[[nodiscard]] CROCUS_EXPORT std::string format_call_graph(const call_graph& graph);

/// format_call_graph(capture_call_graph(of)): of a task or a future; of the caller, if nothing is given.
template <class... Of>
requires requires(const Of&... of) { capture_call_graph(of...); }
[[nodiscard]] std::string format_call_graph(const Of&... of) { return format_call_graph(capture_call_graph(of...)); }
/// The same, to stderr.
template <class... Of>
void print_call_graph(const Of&... of) {
    std::fputs(format_call_graph(of...).c_str(), stderr);
}

/// Every task of the calling thread's loop, and its main flow, with its stack and with who awaits it: what is asked of
/// a program that hangs. A signal handler of the loop's (add_signal_handler) is a good place to print it.
[[nodiscard]] CROCUS_EXPORT std::string format_all_tasks(call_graph_options options = {});

namespace detail {
CROCUS_EXPORT call_graph graph_of(future_state& of, call_graph_options options);
}

template <class T>
call_graph capture_call_graph(const future<T>& of, call_graph_options options) {
    return detail::graph_of(*of.state(), options);
}

}  // namespace crocus
