// A call on another stack that is, but for the stack, a part of the flow that makes it.
#include <cfenv>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include <pthread.h>

#include <crocus/fiber.hpp>

#include "../detail/exceptions_of_thread.hpp"

namespace crocus {

namespace {

struct borrowed_call {
    void (*call)(void*);
    void* argument;
    fiber& caller;
    detail::exception_globals exceptions = detail::exceptions_of_thread();
    bool in_fp_scope = false;                  // the caller
    std::optional<std::fenv_t> environment{};  // on its way in and out, where a switch may not leave it as it is
    std::exception_ptr error{};

    /// In the fiber that is made for it.
    void run() noexcept {
        // What the caller handles, the call handles too: it may say throw, or ask whether an exception unwinds. The
        // call ends before the caller's handlers do, so both may refer to the same exceptions.
        detail::exceptions_of_thread() = exceptions;
        std::optional<fp_scope> own;
        if (in_fp_scope) {
            own.emplace();
            std::fesetenv(&*environment);
        }
        try {
            call(argument);
        } catch (...) {
            error = std::current_exception();
        }
        if (environment) std::fegetenv(&*environment);
    }
};

struct bounds {
    std::byte* bottom = nullptr;
    std::byte* top = nullptr;
};

bounds bounds_of_thread() noexcept {
    bounds found;
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return found;
    void* bottom = nullptr;
    std::size_t size = 0;
    if (::pthread_attr_getstack(&attributes, &bottom, &size) == 0)
        found = {static_cast<std::byte*>(bottom), static_cast<std::byte*>(bottom) + size};
    ::pthread_attr_destroy(&attributes);
    return found;
}

bounds bounds_of_caller() noexcept {
    if (const fiber* const running = detail::this_thread().running; running != nullptr && running->on())
        return {static_cast<std::byte*>(running->on().bottom()), static_cast<std::byte*>(running->on().top())};
    thread_local const bounds of_thread = bounds_of_thread();
    return of_thread;
}

}  // namespace

void fiber::call_on(stack on, void (*call)(void*), void* argument, const std::source_location& site) {
    fiber& caller = current();
    borrowed_call b{call, argument, caller};
    b.in_fp_scope = caller.floating_point_ != nullptr;
    if (special(detail::this_thread())) std::fegetenv(&b.environment.emplace());
    const detail::flow_identity* const who = caller.identity();
    detail::flow_identity identity{"with_big_stack", nullptr, site};
    if (who != nullptr) identity.name = who->name, identity.number = who->number;
    fiber borrower(
        std::move(on),
        [](fiber&, void* borrowed) {
            auto& inside = *static_cast<borrowed_call*>(borrowed);
            inside.run();
            exit_to(
                inside.caller, [](void*) noexcept {}, nullptr);
        },
        &b);
    borrower.set_identity(&identity);
    borrower.set_entered_in_unwinding(caller.entered_in_unwinding());
    borrower.c_calls_ = caller.c_calls_;
    borrower.enter();
    if (b.environment) std::fesetenv(&*b.environment);
    if (b.error) std::rethrow_exception(std::exchange(b.error, nullptr));
}

std::size_t stack_remaining() noexcept {
    const bounds here = bounds_of_caller();
    auto* const at = static_cast<std::byte*>(__builtin_frame_address(0));
    return at > here.bottom && at < here.top ? static_cast<std::size_t>(at - here.bottom) : 0;
}

}  // namespace crocus
