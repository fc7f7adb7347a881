// Leaving one stack and going on on another: the mechanism that this processor has, chosen here and nowhere else.
//
// Each file of switch/ says the same things:
//
//     has_inline_switch     false: the library's out-of-line path, over Boost.Context, is the only one
//     saved_context         where a flow of control was left, and the registers that the compiler does not save itself
//     prepare_context       makes a saved_context that begins a function on an empty stack
//     switch_context        leaves `from`, goes on at `to`. When somebody comes back to `from`, returns the context
//     that
//                           was left for it; `from` itself after a leave_context
//     leave_context         goes on at `to` for good; on to's stack after(argument) runs first
//     mark_end_of_stack     tells unwinders that the calling function has no caller
//     thread_state_address  where the thread's thread_state is (this_thread.hpp), asked anew at each call
//
// The switch is inline, so that nothing lies between the user's call and it: every return address below a switch is
// mispredicted. It keeps the frame pointer, the stack pointer, one register and the address to go on at. Everything
// else it declares clobbered, so that the compiler saves what is live, and only that.
#pragma once

#if defined(__x86_64__) && defined(__LP64__) && defined(__linux__)
#include <crocus/detail/switch/x86_64.hpp>
#elif defined(__aarch64__) && defined(__LP64__) && defined(__linux__)
#include <crocus/detail/switch/aarch64.hpp>
#else
#include <crocus/detail/switch/out_of_line.hpp>
#endif
