#include <crocus/callback.hpp>

#include <cstdio>
#include <cstdlib>

namespace crocus::detail {

c_call::c_call(const void* key) noexcept
    : on_(fiber::current()), outer_(std::exchange(on_.c_calls_, this)), key_(key) {}

c_call::~c_call() { on_.c_calls_ = outer_; }

c_call& c_call::running(const void* key) noexcept {
    for (c_call* c = fiber::current().c_calls_; c != nullptr; c = c->outer_)
        if (c->key_ == key) return *c;
    // There is no way to say so to the C function, and none past it.
    std::fputs(
        "crocus: through_c: the C function called back on another stack than the one that it was called on, "
        "or after it had returned\n",
        stderr);
    std::abort();
}

void c_call::keep_exception() noexcept {
    error_ = std::current_exception();
    // Not where the C function was called on another stack, with user data: that one's frames go on as they like.
    fiber& here = fiber::current();
    for (c_call* c = here.c_calls_; c != nullptr; c = c->outer_)
        if (c == this) {
            unwinding_ = &here;
            fiber::begin_unwinding();
        }
}

void c_call::rethrow() {
    // If it was a borrowed stack that unwound (with_big_stack), its exception state went with it.
    if (unwinding_ == &fiber::current()) fiber::end_unwinding();
    std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace crocus::detail
